//! The tests' own SDK clients, for looking at what is there and for putting things there.

use aws_config::{BehaviorVersion, Region, SdkConfig};

use super::Cloud;

impl Cloud {
    fn sdk_config(&self, region: &'static str) -> SdkConfig {
        let keys = self.keys.clone();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(region))
            .endpoint_url(self.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
                aws_credential_types::Credentials::new(keys.id, keys.secret, keys.token, None, "tests"),
            ))
            .build()
    }

    pub(in crate::support) fn s3(&self, region: &'static str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk_config(region))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub(in crate::support) fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.sdk_config("us-east-1"))
    }

    pub(in crate::support) fn sts(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.sdk_config("us-east-1"))
    }

    pub(in crate::support) fn kms(&self, region: &'static str) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.sdk_config(region))
    }
}
