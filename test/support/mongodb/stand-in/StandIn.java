import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import de.bwaldvogel.mongo.wire.message.MongoQuery;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.h2.mvstore.MVStore;

/**
 * A server that speaks MongoDB's wire protocol and keeps its data in one file: what the MongoDB tests run on where there
 * is no mongod.
 *
 * <p>Arguments: port, file, and optionally the milliseconds between two commits (20). Prints "ready PORT" once it
 * listens. It acknowledges writes before they are in the file, so a kill -9 loses the last moments of them, whatever
 * their write concern says: of all collections alike, as a crash of an unreplicated server does. SIGTERM, or the end of
 * its standard input (whoever started it is gone), ends it; only SIGTERM saves what is not yet in the file.
 */
public final class StandIn {
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    long commitEveryMs = arguments.length > 2 ? Long.parseLong(arguments[2]) : 20;
    MVStore store = new MVStore.Builder().fileName(arguments[1]).autoCommitDisabled().open();
    CommandGate backend = new CommandGate(store);
    backend.version(new Version());
    MongoServer server = new MongoServer(backend);
    // One thread for all connections: the library changes documents in place, and a reply being written on another
    // thread could show half of an update.
    server.bind(new InetSocketAddress("127.0.0.1", port), 1, 1);

    daemon("commits", () -> commitForever(backend, store, commitEveryMs));
    daemon("parent", StandIn::endWithParent);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      server.stopListening();
      backend.commitBetweenCommands(store);
      store.sync();
    }));
    System.out.println("ready " + port);
    System.out.flush();
  }

  /** Newer drivers refuse the versions that the library itself offers. */
  private static final class Version implements MongoVersion {
    @Override
    public List<Integer> getVersionArray() {
      return List.of(5, 0, 0);
    }

    @Override
    public int getWireVersion() {
      return 13;
    }
  }

  /**
   * Commits only between two commands. A command changes several maps (the documents, their _id index, the sizes); a
   * commit in the middle of one would leave a file in which they disagree, as no crash of a real server does.
   */
  private static final class CommandGate extends H2Backend {
    private final ReadWriteLock gate = new ReentrantReadWriteLock(true);

    CommandGate(MVStore store) {
      super(store);
    }

    void commitBetweenCommands(MVStore store) {
      gate.writeLock().lock();
      try {
        store.commit();
      } finally {
        gate.writeLock().unlock();
      }
    }

    private <T> T passing(Supplier<T> command) {
      gate.readLock().lock();
      try {
        return command.get();
      } finally {
        gate.readLock().unlock();
      }
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
      return passing(() -> super.handleCommand(channel, database, command, query));
    }

    @Override
    public Document handleMessage(MongoMessage message) {
      return passing(() -> super.handleMessage(message));
    }

    @Override
    public QueryResult handleQuery(MongoQuery query) {
      return passing(() -> super.handleQuery(query));
    }
  }

  private static void commitForever(CommandGate backend, MVStore store, long everyMs) {
    try {
      while (true) {
        Thread.sleep(everyMs);
        if (!store.hasUnsavedChanges()) continue;
        backend.commitBetweenCommands(store);
        store.sync();
      }
    } catch (Throwable failure) {
      // Going on would acknowledge writes that never reach the file.
      failure.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private static void endWithParent() {
    try {
      while (System.in.read() >= 0) {}
    } catch (java.io.IOException closed) {
      // As good as its end.
    }
    Runtime.getRuntime().halt(0);
  }

  private static void daemon(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }
}
