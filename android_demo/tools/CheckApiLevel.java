import java.io.File;
import java.io.FileInputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.codehaus.mojo.animal_sniffer.ClassListBuilder;
import org.codehaus.mojo.animal_sniffer.SignatureChecker;
import org.codehaus.mojo.animal_sniffer.logging.Logger;

/** Names every call that an API level does not have: SIGNATURE CLASSES IGNORED; code marked RequiresApi is passed over. */
public final class CheckApiLevel {
    public static void main(String[] arguments) throws Exception {
        List<String> found = new ArrayList<>();
        Logger log = new Logger() {
            @Override public void info(String message) { }
            @Override public void info(String message, Throwable cause) { }
            @Override public void debug(String message) { }
            @Override public void debug(String message, Throwable cause) { }
            @Override public void warn(String message) { }
            @Override public void warn(String message, Throwable cause) { }
            @Override public void error(String message) { found.add(message); }
            @Override public void error(String message, Throwable cause) { found.add(message); }
        };
        ClassListBuilder own = new ClassListBuilder(log);
        for (String path : (arguments[1] + File.pathSeparator + arguments[2]).split(File.pathSeparator)) {
            own.process(new File(path));
        }
        Set<String> ignored = new HashSet<>(own.getPackages());
        SignatureChecker checker = new SignatureChecker(new FileInputStream(arguments[0]), ignored, log);
        checker.setAnnotationTypes(List.of("androidx.annotation.RequiresApi"));
        checker.setSourcePath(List.of());
        for (String path : arguments[1].split(File.pathSeparator)) {
            checker.process(new File(path));
        }
        found.forEach(System.out::println);
        System.exit(found.isEmpty() ? 0 : 1);
    }
}
