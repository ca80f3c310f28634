// What all peers say in the same way.

/** The answer of our own server, as an object. */
export function answer(counter, count) {
  return { counter, offset: count - 1, count };
}

/** The bench reads the address off this line. */
export function listen(server) {
  server.listen(Number(process.env.PORT), process.env.HOST, () => {
    console.log(`listening on http://${process.env.HOST}:${server.address().port}`);
  });
}
