import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import java.io.File;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;

/** Signs an APK by the schemes v2 and v3, keeps its alignment, and verifies the result: KEYSTORE PASSWORD ALIAS IN OUT MIN_SDK. */
public final class SignApk {
    public static void main(String[] arguments) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        char[] password = arguments[1].toCharArray();
        try (FileInputStream input = new FileInputStream(arguments[0])) {
            store.load(input, password);
        }
        PrivateKey key = (PrivateKey) store.getKey(arguments[2], password);
        X509Certificate certificate = (X509Certificate) store.getCertificate(arguments[2]);
        File target = new File(arguments[4]);
        new ApkSigner.Builder(List.of(new ApkSigner.SignerConfig.Builder("debug", key, List.of(certificate)).build()))
            .setInputApk(new File(arguments[3]))
            .setOutputApk(target)
            .setAlignmentPreserved(true)
            .setMinSdkVersion(Integer.parseInt(arguments[5]))
            .build()
            .sign();
        ApkVerifier.Result result = new ApkVerifier.Builder(target).build().verify();
        if (!result.isVerified()) {
            throw new IllegalStateException("the signature does not verify: " + result.getErrors());
        }
        System.out.println("v2 " + result.isVerifiedUsingV2Scheme() + ", v3 " + result.isVerifiedUsingV3Scheme());
    }
}
