import java.nio.*; import java.util.*; import java.io.*;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.compress.*;
import org.apache.kafka.common.header.*; import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.*; import org.apache.kafka.common.utils.*;
import org.apache.kafka.common.Uuid;
public class Golden {
  static String hex(ByteBuffer b){ b=b.duplicate(); StringBuilder s=new StringBuilder(); while(b.hasRemaining()) s.append(String.format("%02x",b.get())); return s.toString(); }
  static String txt(ByteBuffer b){ if(b==null) return "null"; byte[] x=new byte[b.remaining()]; b.duplicate().get(x); return new String(x); }
  static void out(String n, MemoryRecords r){ System.out.println(n+" "+hex(r.buffer())); }
  static Compression of(String c){ switch(c){case "gzip": return Compression.gzip().build(); case "snappy": return Compression.snappy().build(); case "lz4": return Compression.lz4().build(); case "zstd": return Compression.zstd().build(); default: return Compression.NONE;} }
  public static void main(String[] a) throws Exception {
    if(a[0].equals("write")) {
      for(String c: new String[]{"none","gzip","snappy","lz4","zstd"}) {
        MemoryRecordsBuilder b=MemoryRecords.builder(ByteBuffer.allocate(65536),(byte)2,of(c),TimestampType.CREATE_TIME,1000L,-1L,4000L,(short)3,17,true,5);
        for(int i=0;i<20;i++){ List<Header> h=new ArrayList<>(); if(i%3==0){h.add(new RecordHeader("h",("x"+i).getBytes())); h.add(new RecordHeader("n",(byte[])null));}
          String v="value-"+i+" "; for(int k=0;k<30;k++) v+=(char)('a'+i%26);
          b.append(1700000000000L+i*7, i%5==4?null:("key-"+i).getBytes(), i%7==6?null:v.getBytes(), h.toArray(new Header[0])); }
        out(c,b.build());
      }
      out("abort", MemoryRecords.withEndTransactionMarker(77L,1700000000000L,5,4000L,(short)3,new EndTransactionMarker(ControlRecordType.ABORT,9)));
      out("commit", MemoryRecords.withEndTransactionMarker(78L,1700000000000L,5,4000L,(short)3,new EndTransactionMarker(ControlRecordType.COMMIT,9)));
      out("leader_change", MemoryRecords.withLeaderChangeMessage(5L,1700000000000L,2,ByteBuffer.allocate(1024),new LeaderChangeMessage().setVersion((short)0).setLeaderId(1).setVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(1),new LeaderChangeMessage.Voter().setVoterId(2))).setGrantingVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(1)))));
      out("snapshot_header", MemoryRecords.withSnapshotHeaderRecord(0L,1700000000000L,2,ByteBuffer.allocate(1024),new SnapshotHeaderRecord().setVersion((short)0).setLastContainedLogTimestamp(1699999999999L)));
      out("snapshot_footer", MemoryRecords.withSnapshotFooterRecord(9L,1700000000000L,2,ByteBuffer.allocate(1024),new SnapshotFooterRecord().setVersion((short)0)));
      out("kraft_version", MemoryRecords.withKRaftVersionRecord(6L,1700000000000L,2,ByteBuffer.allocate(1024),new KRaftVersionRecord().setVersion((short)0).setKRaftVersion((short)1)));
      VotersRecord v=new VotersRecord().setVersion((short)0); VotersRecord.EndpointCollection e=new VotersRecord.EndpointCollection(); e.add(new VotersRecord.Endpoint().setName("CONTROLLER").setHost("h1").setPort(9093));
      v.setVoters(List.of(new VotersRecord.Voter().setVoterId(1).setVoterDirectoryId(new Uuid(0x1122334455667788L,0x99aabbccddeeff00L)).setEndpoints(e).setKRaftVersionFeature(new VotersRecord.KRaftVersionFeature().setMinSupportedVersion((short)0).setMaxSupportedVersion((short)1))));
      out("kraft_voters", MemoryRecords.withVotersRecord(7L,1700000000000L,2,ByteBuffer.allocate(1024),v));
      for(int m=0;m<2;m++) for(String c: new String[]{"none","gzip","snappy","lz4"}) {
        MemoryRecordsBuilder b=MemoryRecords.builder(ByteBuffer.allocate(65536),(byte)m,of(c),TimestampType.CREATE_TIME,50L);
        for(int i=0;i<3;i++) b.append(m==0?-1L:1700000000000L+i, i==1?null:("k"+i).getBytes(), i==2?null:("v"+i).getBytes());
        out("magic"+m+"_"+c,b.build());
      }
    } else {
      BufferedReader in=new BufferedReader(new InputStreamReader(System.in)); String l;
      while((l=in.readLine())!=null){ String[] p=l.split(" "); byte[] d=new byte[p[1].length()/2]; for(int i=0;i<d.length;i++) d[i]=(byte)Integer.parseInt(p[1].substring(2*i,2*i+2),16);
        long n=0,h=17; 
        for(MutableRecordBatch b: MemoryRecords.readableRecords(ByteBuffer.wrap(d)).batches()){ b.ensureValid();
          try(CloseableIterator<org.apache.kafka.common.record.internal.Record> it=b.streamingIterator(BufferSupplier.create())) { while(it.hasNext()){ org.apache.kafka.common.record.internal.Record r=it.next(); n++; String s=r.offset()+"|"+r.timestamp()+"|"+txt(r.key())+"|"+txt(r.value()); for(Header x: r.headers()) s+="|"+x.key()+"="+(x.value()==null?"null":new String(x.value())); if(a.length>1) System.out.println(s); h=h*31+s.hashCode(); } } }
        System.out.println(p[0]+" "+n+" "+(int)h); }
    }
  }
}
