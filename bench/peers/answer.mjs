// What all peers answer and print alike.

/** Returns the answer of our own server, as an object. */
export function answer(counter, count) {
  return { counter, offset: count - 1, count };
}

/** The benchmark reads the address from this line. */
export function listen(server) {
  server.listen(Number(process.env.PORT), process.env.HOST, () => {
    console.log(`listening on http://${process.env.HOST}:${server.address().port}`);
  });
}
