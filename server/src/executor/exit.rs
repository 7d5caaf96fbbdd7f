//! How a process ended, in words: what it did, so that whoever says it puts the subject before it.

use std::fmt;

use super::Exit;

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { why: Some(why), .. } => write!(f, "was ended: {why}"),
            Self { out_of_memory: true, .. } => f.write_str("used more memory than it may and was ended"),
            Self { timed_out: true, .. } => f.write_str("took too long and was ended"),
            Self { code: Some(code), .. } => write!(f, "exited with code {code}"),
            Self { signal: Some(signal), .. } => write!(f, "was ended by signal {signal}"),
            Self { .. } => f.write_str("ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_it_ended_counts_more_than_how() {
        let exit = Exit { signal: Some(9), ..Exit::default() };
        assert_eq!(exit.to_string(), "was ended by signal 9");
        assert_eq!(
            Exit { out_of_memory: true, ..exit.clone() }.to_string(),
            "used more memory than it may and was ended"
        );
        let why = Some("it held too much".to_owned());
        assert_eq!(Exit { out_of_memory: true, why, ..exit.clone() }.to_string(), "was ended: it held too much");
        assert_eq!(Exit { timed_out: true, ..exit.clone() }.to_string(), "took too long and was ended");
        assert_eq!(Exit { signal: None, ..exit.clone() }.to_string(), "ended");
        assert_eq!(Exit { code: Some(3), signal: None, ..exit }.to_string(), "exited with code 3");
    }
}
