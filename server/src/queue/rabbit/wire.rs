//! The encoding of a run request as the body of a message.

use std::sync::Arc;

use domain::{function, run};
use serde::{Deserialize, Serialize};

use crate::queue::{Error, Request};

/// The version of the encoding. Others are refused: a queue holds no history, the log does.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Body {
    v: u32,
    function: function::Id,
    run: run::Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Arc<run::RunRequest>>,
}

/// Encodes a request.
pub(super) fn write(request: &Request) -> Result<Vec<u8>, Error> {
    let body = Body { v: VERSION, function: request.function, run: request.run, asked: request.asked.clone() };
    serde_json::to_vec(&body)
        .map_err(|error| Error(format!("the request of run {} cannot be written: {error}", body.run)))
}

/// Decodes a request.
pub(super) fn read(body: &[u8]) -> Result<Request, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| format!("this is no run request: {error}"))?;
    if body.v != VERSION {
        return Err(format!("this is a run request of version {}; {VERSION} is known here", body.v));
    }
    Ok(Request { function: body.function, run: body.run, asked: body.asked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let request = Request::recorded(clock::new_id(), clock::new_id());
        assert_eq!(read(&write(&request).unwrap()), Ok(request));
    }

    #[test]
    fn a_body_of_another_kind_is_refused() {
        let id = clock::new_id::<()>();
        let newer = format!(r#"{{"v":2,"function":"{id}","run":"{id}"}}"#);
        for body in ["", "{}", "[1]", newer.as_str()] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
