//! Regions, the partitions they belong to, and the list of those that Mixpanel exports to.

use std::str::FromStr;

use super::InvalidName;

/// The code of an AWS region, such as `eu-west-1`. It has a region's form; whether it exists is AWS's to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Region(String);

super::text!(Region);

/// A family of regions with accounts, ARNs and endpoints of its own. A role cannot trust across partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partition {
    /// `aws`: the commercial regions, where Mixpanel's export user lives.
    Aws,
    /// `aws-cn`: China.
    China,
    /// `aws-us-gov`: GovCloud.
    GovCloud,
}

/// The regions of the `aws` partition that Mixpanel's page lists for an S3 export.
///
/// The page also lists `cn-north-1` and `cn-northwest-1`. They are another partition, in which the documented role
/// cannot trust Mixpanel's user, so they are refused with that reason instead of being offered.
pub(crate) const MIXPANEL_REGIONS: [(&str, &str); 18] = [
    ("us-east-1", "N. Virginia"),
    ("us-east-2", "Ohio"),
    ("us-west-1", "N. California"),
    ("us-west-2", "Oregon"),
    ("ap-northeast-1", "Tokyo"),
    ("ap-northeast-2", "Seoul"),
    ("ap-northeast-3", "Osaka"),
    ("ap-southeast-1", "Singapore"),
    ("ap-southeast-2", "Sydney"),
    ("ap-south-1", "Mumbai"),
    ("ca-central-1", "Canada Central"),
    ("eu-central-1", "Frankfurt"),
    ("eu-north-1", "Stockholm"),
    ("eu-west-1", "Ireland"),
    ("eu-west-2", "London"),
    ("eu-west-3", "Paris"),
    ("sa-east-1", "São Paulo"),
    ("me-south-1", "Bahrain"),
];

const WHAT: &str = "region";

impl Region {
    /// The region where S3 takes no LocationConstraint, and where IAM and STS have their global endpoints.
    pub(crate) fn us_east_1() -> Self {
        Self("us-east-1".into())
    }

    /// Which partition the region belongs to, from its prefix.
    pub(crate) fn partition(&self) -> Partition {
        if self.0.starts_with("cn-") {
            Partition::China
        } else if self.0.starts_with("us-gov-") {
            Partition::GovCloud
        } else {
            Partition::Aws
        }
    }

    /// Whether an account has to opt into the region before it can use it.
    /// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
    pub(crate) fn is_opt_in(&self) -> bool {
        const OPT_IN: [&str; 17] = [
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-south-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-west-1",
            "eu-central-2",
            "eu-south-1",
            "eu-south-2",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
        ];
        OPT_IN.contains(&self.as_str())
    }

    /// Whether Mixpanel lists the region, and the documented role can work there.
    pub(crate) fn is_listed(&self) -> bool {
        MIXPANEL_REGIONS.iter().any(|(code, _)| *code == self.0)
    }
}

impl FromStr for Region {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('-').collect();
        let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let shaped = match parts.as_slice() {
            [area, place, number] => area.len() == 2 && word(area) && word(place) && is_number(number),
            ["us", middle, place, number] => word(middle) && word(place) && is_number(number),
            _ => false,
        };
        if shaped {
            return Ok(Self(lower));
        }
        let invalid = InvalidName::new(WHAT, text, "it has not the form of a region code, such as eu-west-1");
        let zone = lower.strip_suffix(|c: char| c.is_ascii_lowercase()).map(str::to_owned);
        match zone.filter(|zone| MIXPANEL_REGIONS.iter().any(|(code, _)| code == zone)) {
            Some(region) => Err(invalid.suggest(format!("That is an availability zone: try '{region}'."))),
            None => Err(invalid),
        }
    }
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())
}

impl Partition {
    /// The partition's name inside an ARN.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
        }
    }

    /// The partition of that name. Any other name is none, however it begins.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [Self::Aws, Self::China, Self::GovCloud];
        all.into_iter().find(|partition| partition.as_str() == name)
    }

    /// The partition of an ARN's second field.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        Self::named(arn.split(':').nth(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_codes_parse_and_know_their_partition() {
        for (code, _) in MIXPANEL_REGIONS {
            let region: Region = code.parse().unwrap();
            assert!(region.is_listed());
            assert_eq!(region.partition(), Partition::Aws);
        }
        assert_eq!("cn-north-1".parse::<Region>().unwrap().partition(), Partition::China);
        assert_eq!(
            "us-gov-west-1".parse::<Region>().unwrap().partition(),
            Partition::GovCloud
        );
        assert!(!"cn-north-1".parse::<Region>().unwrap().is_listed());
        assert!(!"il-central-1".parse::<Region>().unwrap().is_listed());
        assert_eq!(" EU-WEST-1 ".parse::<Region>().unwrap().as_str(), "eu-west-1");
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for text in ["", "Ireland", "eu-west", "eu-west-one", "euwest1", "eu--1", "../x-y-1"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
        let zone = "eu-west-1a".parse::<Region>().unwrap_err();
        assert_eq!(
            zone.suggestion.as_deref(),
            Some("That is an availability zone: try 'eu-west-1'.")
        );
    }
}
