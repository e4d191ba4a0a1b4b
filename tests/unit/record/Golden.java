// SPDX-License-Identifier: Apache-2.0
// Makes golden_java.hpp's bytes with Apache Kafka's own classes, and reads ours with them.
//   kafka java Golden write            a line a batch: name, bytes in hex
//   kafka java Golden read < lines     a line a batch: name, records, hash of their text
// (with the class path of tests' real Kafka: CLASSPATH=. kafka java Golden ...)
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.BufferSupplier;

public class Golden {
  static final long TIME = 1700000000000L;

  public static void main(String[] words) throws Exception {
    if (words[0].equals("write")) {
      writeData();
      writeControl();
      writeLegacy();
    } else {
      read();
    }
  }

  static void writeData() {
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(65536), (byte) 2,
          codec(codec), TimestampType.CREATE_TIME, 1000L, -1L, 4000L, (short) 3, 17, true, 5);
      for (int i = 0; i < 20; i++) {
        List<Header> headers = new ArrayList<>();
        if (i % 3 == 0) {
          headers.add(new RecordHeader("h", ("x" + i).getBytes()));
          headers.add(new RecordHeader("n", (byte[]) null));
        }
        String value = "value-" + i + " " + String.valueOf((char) ('a' + i % 26)).repeat(30);
        builder.append(TIME + i * 7, i % 5 == 4 ? null : ("key-" + i).getBytes(),
            i % 7 == 6 ? null : value.getBytes(), headers.toArray(new Header[0]));
      }
      print(codec, builder.build());
    }
  }

  static void writeControl() {
    print("abort", MemoryRecords.withEndTransactionMarker(77L, TIME, 5, 4000L, (short) 3,
        new EndTransactionMarker(ControlRecordType.ABORT, 9)));
    print("commit", MemoryRecords.withEndTransactionMarker(78L, TIME, 5, 4000L, (short) 3,
        new EndTransactionMarker(ControlRecordType.COMMIT, 9)));
    LeaderChangeMessage.Voter one = new LeaderChangeMessage.Voter().setVoterId(1);
    LeaderChangeMessage.Voter two = new LeaderChangeMessage.Voter().setVoterId(2);
    print("leader_change", MemoryRecords.withLeaderChangeMessage(5L, TIME, 2, room(),
        new LeaderChangeMessage().setVersion((short) 0).setLeaderId(1)
            .setVoters(List.of(one, two)).setGrantingVoters(List.of(one.duplicate()))));
    print("snapshot_header", MemoryRecords.withSnapshotHeaderRecord(0L, TIME, 2, room(),
        new SnapshotHeaderRecord().setVersion((short) 0).setLastContainedLogTimestamp(TIME - 1)));
    print("snapshot_footer", MemoryRecords.withSnapshotFooterRecord(9L, TIME, 2, room(),
        new SnapshotFooterRecord().setVersion((short) 0)));
    print("kraft_version", MemoryRecords.withKRaftVersionRecord(6L, TIME, 2, room(),
        new KRaftVersionRecord().setVersion((short) 0).setKRaftVersion((short) 1)));
    VotersRecord.EndpointCollection endpoints = new VotersRecord.EndpointCollection();
    endpoints.add(new VotersRecord.Endpoint().setName("CONTROLLER").setHost("h1").setPort(9093));
    VotersRecord.Voter voter = new VotersRecord.Voter().setVoterId(1)
        .setVoterDirectoryId(new Uuid(0x1122334455667788L, 0x99aabbccddeeff00L))
        .setEndpoints(endpoints).setKRaftVersionFeature(new VotersRecord.KRaftVersionFeature()
            .setMinSupportedVersion((short) 0).setMaxSupportedVersion((short) 1));
    print("kraft_voters", MemoryRecords.withVotersRecord(7L, TIME, 2, room(),
        new VotersRecord().setVersion((short) 0).setVoters(List.of(voter))));
  }

  static void writeLegacy() {
    for (int magic = 0; magic < 2; magic++) {
      for (String codec : List.of("none", "gzip", "snappy", "lz4")) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(65536),
            (byte) magic, codec(codec), TimestampType.CREATE_TIME, 50L);
        for (int i = 0; i < 3; i++) {
          builder.append(magic == 0 ? -1L : TIME + i, i == 1 ? null : ("k" + i).getBytes(),
              i == 2 ? null : ("v" + i).getBytes());
        }
        print("magic" + magic + "_" + codec, builder.build());
      }
    }
  }

  static void read() throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split(" ");
      ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(words[1]));
      long count = 0;
      long hash = 17;
      for (MutableRecordBatch batch : MemoryRecords.readableRecords(bytes).batches()) {
        batch.ensureValid();
        try (var records = batch.streamingIterator(BufferSupplier.create())) {
          while (records.hasNext()) {
            count++;
            hash = hash * 31 + describe(records.next()).hashCode();
          }
        }
      }
      System.out.println(words[0] + " " + count + " " + (int) hash);
    }
  }

  static String describe(Record record) {
    StringBuilder text = new StringBuilder(record.offset() + "|" + record.timestamp() + "|"
        + text(record.key()) + "|" + text(record.value()));
    for (Header header : record.headers()) {
      String value = header.value() == null ? "null" : new String(header.value());
      text.append("|").append(header.key()).append("=").append(value);
    }
    return text.toString();
  }

  static String text(ByteBuffer bytes) {
    if (bytes == null) return "null";
    byte[] copy = new byte[bytes.remaining()];
    bytes.duplicate().get(copy);
    return new String(copy);
  }

  static Compression codec(String name) {
    switch (name) {
      case "gzip": return Compression.gzip().build();
      case "snappy": return Compression.snappy().build();
      case "lz4": return Compression.lz4().build();
      case "zstd": return Compression.zstd().build();
      default: return Compression.NONE;
    }
  }

  static ByteBuffer room() { return ByteBuffer.allocate(1024); }

  static void print(String name, MemoryRecords records) {
    ByteBuffer bytes = records.buffer().duplicate();
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(copy);
    System.out.println(name + " " + HexFormat.of().formatHex(copy));
  }
}
