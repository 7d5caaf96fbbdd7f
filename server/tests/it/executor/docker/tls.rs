//! An engine that is called by TLS, with certificates of an authority of its own.

use std::net::TcpListener;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use server::executor::docker::{Docker, Options};
use server::executor::{Error, Executor, Network};
use tempfile::TempDir;

use super::super::{GRACE, Log, READY_WITHIN, call, get, texts};
use super::own_engine::OwnEngine;
use super::{server_name, shell};

/// Who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A folder with the authority's certificate, and one of its own with its key.
    fn signs(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> TempDir {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &self.certificate);
        write("cert.pem", &pem("CERTIFICATE", certificate.der()));
        write("key.pem", &pem("PRIVATE KEY", &key.serialize_der()));
        folder
    }
}

fn options(certificates: Option<&Path>) -> Options {
    Options { certificates: certificates.map(Path::to_owned), ..Options::new(server_name()) }
}

async fn refusal(host: &str, certificates: Option<&Path>) -> String {
    Docker::connect(host, options(certificates)).await.unwrap_err().to_string()
}

#[tokio::test]
async fn an_engine_is_called_by_tls_and_only_one_that_its_certificate_proves() {
    let (authority, other) = (Authority::new("of the engine"), Authority::new("another"));
    let of_engine = authority.signs(&["127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
    let mut engine = OwnEngine::start(None);
    engine.stop(Signal::SIGTERM);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("tcp://127.0.0.1:{port}");
    let file = |name: &str| of_engine.path().join(name).display().to_string();
    let (ca, cert, key) = (file("ca.pem"), file("cert.pem"), file("key.pem"));
    engine.start_again(&["-H", &host, "--tlsverify", "--tlscacert", &ca, "--tlscert", &cert, "--tlskey", &key]);

    let ours = authority.signs(&["client"], ExtendedKeyUsagePurpose::ClientAuth);
    let docker = Docker::connect(&host, options(Some(ours.path()))).await.unwrap();
    // A service, whose lines and end are told; and a job, whose event is written to a connection that is taken over.
    let mut spec = shell(
        "mkdir /tmp/www && echo hello > /tmp/www/index.html && echo it is up && exec httpd -f -p $PORT -h /tmp/www",
    );
    spec.limits.network = Network::Open;
    let (lines, log) = Log::new();
    let instance = docker.service(spec, lines, READY_WITHIN).await.unwrap();
    assert_eq!(get(&instance, "/").await.status, 200);
    instance.stop(GRACE).await;
    drop(instance);
    assert!(texts(&log.all().await).contains(&"it is up"));
    let (lines, _log) = Log::new();
    let spec = shell("read event; echo \"$event\" > $EVENTFLOW_RESULT");
    let done = docker.job(spec, call(), lines).await.unwrap();
    assert!(String::from_utf8_lossy(&done.result.unwrap()).contains("test.happened"));

    // An engine that somebody else's authority speaks for, and one that does not know us.
    std::fs::write(ours.path().join("ca.pem"), &other.certificate).unwrap();
    let why = refusal(&host, Some(ours.path())).await;
    assert!(why.contains(&host) && why.contains("nothing in ca.pem, in DOCKER_CERT_PATH, proves"), "{why}");
    let strangers = other.signs(&["client"], ExtendedKeyUsagePurpose::ClientAuth);
    std::fs::write(strangers.path().join("ca.pem"), &authority.certificate).unwrap();
    let why = refusal(&host, Some(strangers.path())).await;
    assert!(why.contains("it does not accept cert.pem, in DOCKER_CERT_PATH"), "{why}");
    let why = refusal(&host, None).await;
    assert!(why.contains("DOCKER_TLS_VERIFY"), "{why}");
    std::fs::remove_file(ours.path().join("key.pem")).unwrap();
    let error = Docker::connect(&host, options(Some(ours.path()))).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)) && error.to_string().contains("key.pem cannot be read"), "{error}");
}
