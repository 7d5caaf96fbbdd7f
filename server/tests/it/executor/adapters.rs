//! Handlers of other platforms in the sandbox: the adapters are there, and do what they need there. What each of them
//! can do is tested in `runtimes/adapters`.

use server::executor::{Executor, Runtime, Spec};

use super::{Fixture, GRACE, Log, READY_WITHIN, call, get, texts};

const REQ_RES: &str = "module.exports = (req, res) => res.status(201).json({ path: req.url, query: req.query });";
const LAMBDA: &str = "exports.handler = async (event, context) => ({ statusCode: 200, body: JSON.stringify([event.version, event.rawPath, context.memoryLimitInMB]) });";
const LAMBDA_PYTHON: &str = "import json\ndef lambda_handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps([event['version'], event['rawPath']])}\n";
const WSGI: &str = "def app(environ, start_response):\n    start_response('200 OK', [('content-type', 'text/plain')])\n    return [environ['PATH_INFO'].encode()]\n";

/// A function with an adapter.
fn with_adapter(fixture: &Fixture, adapter: &str, runtime: Runtime, file: &str, code: &str) -> Spec {
    let mut spec = fixture.spec(runtime, &[(file, code)]);
    spec.env.insert("EVENTFLOW_ADAPTER".into(), adapter.into());
    spec
}

fn node(handler: &str) -> Runtime {
    Runtime::Node { handler: handler.into() }
}

fn python(handler: &str) -> Runtime {
    Runtime::Python { handler: handler.into() }
}

#[tokio::test]
async fn services_of_other_platforms_answer_in_the_sandbox() {
    let fixture = Fixture::new();
    let cases = [
        ("vercel", node("api/hello.default"), "api/hello.js", REQ_RES, r#"{"path":"/x?a=1","query":{"a":"1"}}"#),
        ("aws-lambda", node("index.handler"), "index.js", LAMBDA, r#"["2.0","/x","256"]"#),
        ("aws-lambda", python("app.lambda_handler"), "app.py", LAMBDA_PYTHON, r#"["2.0", "/x"]"#),
        ("vercel", python("api/index.app"), "api/index.py", WSGI, "/x"),
    ];
    for (adapter, runtime, file, code, expected) in cases {
        let mut spec = with_adapter(&fixture, adapter, runtime, file, code);
        spec.limits.memory_mb = 256;
        let (lines, log) = Log::new();
        let instance = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap();
        assert_eq!(get(&instance, "/x?a=1").await.text(), expected, "{adapter} {file}");
        instance.stop(GRACE).await;
        assert_eq!(texts(&log.all().await), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_function_of_request_and_response_is_a_job_in_the_sandbox() {
    let fixture = Fixture::new();
    let spec = with_adapter(&fixture, "vercel", node("api/hello.default"), "api/hello.js", REQ_RES);
    let (lines, _log) = Log::new();
    let outcome = fixture.sandbox.job(spec, call(), lines).await.unwrap();
    let result: serde_json::Value = serde_json::from_slice(outcome.result.as_deref().unwrap()).unwrap();
    assert_eq!(result["statusCode"], 201, "{result}");
    assert_eq!(result["body"], r#"{"path":"/","query":{}}"#, "{result}");
}

#[tokio::test]
async fn what_keeps_a_handler_from_being_loaded_is_the_reason_of_the_instance() {
    let fixture = Fixture::new();
    let spec = with_adapter(
        &fixture,
        "aws-lambda",
        node("index.handler"),
        "index.js",
        "exports.lambdaHandler = async () => 1;",
    );
    let (lines, _log) = Log::new();
    let error = fixture.sandbox.service(spec, lines, READY_WITHIN).await.unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.contains("exports no function") && shown.contains("lambdaHandler (function)"), "{shown}");
}
