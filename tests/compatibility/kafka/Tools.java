// SPDX-License-Identifier: Apache-2.0
// Kafka's command-line tools in one process, so that each does not cost the start of a JVM. A line of
// standard input is a main class and its arguments, with tabs between; the answer is what it printed,
// a zero byte, its exit status and a line's end.
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import org.apache.kafka.common.utils.Exit;

public class Tools {
  private static final class Ended extends RuntimeException {
    final int status;

    Ended(int status) {
      super(null, null, false, false);
      this.status = status;
    }
  }

  public static void main(String[] none) throws Exception {
    Exit.Procedure end = (status, message) -> {
      if (message != null) System.out.println(message);
      throw new Ended(status);
    };
    Exit.setExitProcedure(end);
    Exit.setHaltProcedure(end);
    PrintStream answers = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true));
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = lines.readLine()) != null; ) {
      int status = run(line.split("\t", -1));
      System.out.flush();
      printed.writeTo(answers);
      printed.reset();
      answers.print("\0" + status + "\n");
      answers.flush();
    }
    Runtime.getRuntime().halt(0);
  }

  private static int run(String[] words) throws Exception {
    String[] arguments = Arrays.copyOfRange(words, 1, words.length);
    try {
      Class.forName(words[0]).getMethod("main", String[].class).invoke(null, (Object) arguments);
      return 0;
    } catch (InvocationTargetException failed) {
      if (failed.getCause() instanceof Ended ended) return ended.status;
      failed.getCause().printStackTrace(System.out);
      return 1;
    }
  }
}
