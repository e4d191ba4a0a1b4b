// SPDX-License-Identifier: Apache-2.0
// Moves replicas into another log directory with Kafka's Admin client and waits until they are there.
// Arguments: bootstrap address, topic, path, partitions. Prints a line for each partition.
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartitionReplica;

public class MoveReplica {
  public static void main(String[] arguments) throws Exception {
    String topic = arguments[1];
    String path = arguments[2];
    Map<TopicPartitionReplica, String> moves = new HashMap<>();
    for (int i = 3; i < arguments.length; i++) {
      moves.put(new TopicPartitionReplica(topic, Integer.parseInt(arguments[i]), 1), path);
    }
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
      var begun = admin.alterReplicaLogDirs(moves).values();
      for (TopicPartitionReplica replica : moves.keySet()) {
        try {
          begun.get(replica).get();
        } catch (ExecutionException refused) {
          String why = refused.getCause().getClass().getSimpleName();
          System.out.println(replica.topic() + "-" + replica.partition() + " refused: " + why);
          continue;
        }
        while (!isThere(admin, replica, path)) Thread.sleep(20);
        System.out.println(replica.topic() + "-" + replica.partition() + " moved");
      }
    }
  }

  private static boolean isThere(Admin admin, TopicPartitionReplica replica, String path)
      throws Exception {
    var info = admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica);
    return path.equals(info.getCurrentReplicaLogDir()) && info.getFutureReplicaLogDir() == null;
  }
}
