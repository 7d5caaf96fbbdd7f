//! Other platforms whose handlers run unchanged.

use serde::{Deserialize, Serialize};

/// The platform that a handler was written for. The runtime's wrapper calls the handler the way that platform would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// AWS Lambda behind API Gateway.
    AwsLambda,
    /// The Functions Framework of Google Cloud Functions.
    GoogleFunctions,
    /// Vercel's functions below `api/`.
    Vercel,
    /// Netlify's functions.
    Netlify,
    /// Azure Functions, programming model v4 (Node) and v2 (Python).
    AzureFunctions,
    /// `export default { fetch }` with the Fetch API's `Request` and `Response`.
    Fetch,
    /// OpenFaaS templates.
    Openfaas,
    /// Apache OpenWhisk and DigitalOcean Functions: `main(args)`.
    Openwhisk,
    /// Nuclio.
    Nuclio,
    /// Appwrite.
    Appwrite,
    /// Knative functions.
    Knative,
    /// Fn.
    Fn,
}

impl Adapter {
    /// Every platform.
    pub const ALL: [Self; 12] = [
        Self::AwsLambda,
        Self::GoogleFunctions,
        Self::Vercel,
        Self::Netlify,
        Self::AzureFunctions,
        Self::Fetch,
        Self::Openfaas,
        Self::Openwhisk,
        Self::Nuclio,
        Self::Appwrite,
        Self::Knative,
        Self::Fn,
    ];

    /// The name in `function.json`, and the value of `EVENTFLOW_ADAPTER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwsLambda => "aws-lambda",
            Self::GoogleFunctions => "google-functions",
            Self::Vercel => "vercel",
            Self::Netlify => "netlify",
            Self::AzureFunctions => "azure-functions",
            Self::Fetch => "fetch",
            Self::Openfaas => "openfaas",
            Self::Openwhisk => "openwhisk",
            Self::Nuclio => "nuclio",
            Self::Appwrite => "appwrite",
            Self::Knative => "knative",
            Self::Fn => "fn",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_each_is_the_one_that_is_stored() {
        for adapter in Adapter::ALL {
            assert_eq!(serde_json::to_string(&adapter).unwrap(), format!("\"{}\"", adapter.as_str()));
        }
    }
}
