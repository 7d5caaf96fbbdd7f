//! Who is authenticated, and what the others get as an answer.

use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use domain::access::Action;

use super::*;

fn settings(data_dir: &std::path::Path, dev: bool) -> Settings {
    Settings { dev, ..Settings::new(data_dir) }
}

fn auth(dev: bool) -> (tempfile::TempDir, Auth) {
    let data = tempfile::tempdir().unwrap();
    let (auth, _) = Auth::open(&settings(data.path(), dev)).unwrap();
    (data, auth)
}

fn with(header: &str) -> HttpRequest {
    TestRequest::default().insert_header(("authorization", header)).to_http_request()
}

#[test]
fn a_token_says_who_its_bearer_is() {
    let (_data, auth) = auth(false);
    let bounds = Bounds { most: Role::Viewer, namespaces: Some(Arc::from(["team".to_owned()])) };
    let (token, _) = auth.issue("user:admin", &bounds, TOKEN_LIFE);
    for _ in 0..2 {
        let viewer = auth.viewer(&with(&format!("bearer {token}"))).unwrap();
        assert_eq!(&*viewer.subject, "user:admin");
        assert!(viewer.sees("team") && !viewer.sees("default"));
        assert!(viewer.may(Action::Invoke, "team").is_err());
    }
}

#[test]
fn a_token_alone_gives_nothing() {
    let (_data, auth) = auth(false);
    // Signed with the server's key, for somebody whom the log does not know, or does not know any more.
    let (token, _) = auth.issue("user:ada", &Bounds::NONE, TOKEN_LIFE);
    let viewer = auth.bearer(&token).unwrap();
    assert!(!viewer.sees("default") && !viewer.may_somewhere(Action::View));
}

#[test]
fn whoever_says_nothing_is_told_what_to_say() {
    let (_data, auth) = auth(true);
    let error = auth.viewer(&TestRequest::default().to_http_request()).unwrap_err();
    assert_eq!((error.status.as_u16(), error.code), (401, "unauthenticated"));
    assert!(error.message.contains("Authorization: Bearer"));
    for header in ["Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer ", "dev-token"] {
        assert!(auth.viewer(&with(header)).unwrap_err().message.contains("`Bearer TOKEN`"), "{header}");
    }
}

#[test]
fn the_development_token_is_good_only_in_development() {
    assert_eq!(&*auth(true).1.bearer(DEV_TOKEN).unwrap().subject, "token:dev");
    assert!(auth(false).1.bearer(DEV_TOKEN).is_err());
}

#[test]
fn each_way_of_being_broken_has_its_own_message() {
    let (_data, auth) = auth(false);
    let (good, _) = auth.issue("user:admin", &Bounds::NONE, TOKEN_LIFE);
    let (old, _) = auth.keys.issue(
        "user:admin",
        &Bounds::NONE,
        clock::now() - chrono::TimeDelta::hours(1),
        Duration::from_secs(60),
    );
    let [header, claims, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let other = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
    let forged = URL_SAFE_NO_PAD.encode(r#"{"sub":"user:root","may_write":true,"iat":1,"exp":99999999999}"#);
    let (foreign, _) = self::auth(false).1.issue("user:admin", &Bounds::NONE, TOKEN_LIFE);
    let table = [
        (old, "has expired"),
        (format!("{none}.{claims}."), "not signed with HS256"),
        (format!("{other}.{claims}.{signature}"), "not signed with HS256"),
        (format!("{header}.{forged}.{signature}"), "signature is wrong"),
        (foreign, "signature is wrong"),
        ("a.b".to_owned(), "is broken"),
        ("gibberish".to_owned(), "is broken"),
        (String::new(), "is broken"),
    ];
    for (token, expected) in table {
        let error = auth.bearer(&token).unwrap_err();
        assert_eq!(error.status.as_u16(), 401);
        assert!(error.message.contains(expected), "{token}: {}", error.message);
    }
}

#[actix_web::test]
async fn the_first_start_tells_a_password_once_and_it_stays_good() {
    let data = tempfile::tempdir().unwrap();
    let (auth, text) = Auth::open(&settings(data.path(), false)).unwrap();
    let text = text.expect("the first start prints the password");
    let password = text.split_whitespace().skip_while(|word| *word != "password").nth(1).unwrap().to_owned();
    auth.sign_in("admin", password.clone(), None).await.unwrap();
    let (again, text) = Auth::open(&settings(data.path(), false)).unwrap();
    assert_eq!(text, None);
    let (token, _) = again.sign_in("admin", password, None).await.unwrap();
    assert_eq!(&*auth.bearer(&token).unwrap().subject, "user:admin");
    for file in ["jwt.key", "admin.json"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(data.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[actix_web::test]
async fn a_guesser_is_held_up() {
    let (_data, auth) = auth(true);
    let peer = Some(IpAddr::from([10, 0, 0, 1]));
    for _ in 0..10 {
        let error = auth.sign_in("admin", "guess".into(), peer).await.unwrap_err();
        assert_eq!(error.status.as_u16(), 401);
    }
    let error = auth.sign_in("admin", "admin".into(), peer).await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.retry_after.is_some()), (429, true));
    auth.sign_in("admin", "admin".into(), None).await.unwrap();
}

#[test]
fn a_damaged_key_stops_the_start_with_its_path() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("jwt.key"), "short").unwrap();
    let error = Auth::open(&settings(data.path(), true)).err().expect("the key is too short").to_string();
    assert!(error.contains("jwt.key") && error.contains("5 bytes"), "{error}");
}
