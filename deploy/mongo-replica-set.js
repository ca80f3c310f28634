// Run by mongosh on one of the three members: initiates the replica set, unless there is one already.
const NOT_YET_INITIALIZED = 94;

let isSet = true;
try {
  rs.status();
} catch (error) {
  if (error.code !== NOT_YET_INITIALIZED) throw error;
  isSet = false;
}
if (!isSet) {
  const hosts = ["mongo1:27017", "mongo2:27017", "mongo3:27017"];
  rs.initiate({ _id: "rs0", members: hosts.map((host, id) => ({ _id: id, host })) });
}
