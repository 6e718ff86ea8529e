//! Everybody is asked once whether they answer: for `mcc doctor`. Nothing is kept, and of answers only that they came.

use std::time::Duration;

use aws_config::SdkConfig;
use bytes::Bytes;
use http::{HeaderMap, Method};
use mcc_catalogs::{Errand, Region};
use tokio::task::JoinSet;
use url::Url;

use crate::aws::probe::{self, Try};
use crate::aws::{Action, Aws};
use crate::failure::Failure;
use crate::hub::{Hub, TokenState};
use crate::setup::{Settings, SetupError};
use crate::web::{Request, Web};

/// How long each question may take, credentials included.
const PATIENCE: Duration = Duration::from_secs(6);
/// Most bytes of an answer that is not looked at.
const MOST: usize = 1 << 20;
/// Requests of one call: the first, and two after what may pass.
const TRIES: usize = 3;

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Probe {
    web: Web,
    hub: Hub,
    aws: Aws,
    config: SdkConfig,
}

/// Who was asked, and whether they answered.
pub type Answered = (String, Result<(), Failure>);

impl Probe {
    /// Reads the files with AWS profiles, and asks nobody.
    ///
    /// # Errors
    /// The settings say what cannot be used.
    pub async fn new(settings: &Settings) -> Result<Self, SetupError> {
        let web = Web::new(&settings.network)?;
        let config = probe::configured(&web, &settings.aws).await;
        let aws = Aws::new(web.clone(), settings.aws.clone());
        Ok(Self { web, hub: settings.hub.clone(), aws, config })
    }

    /// The AWS Region that is configured, as it is written.
    pub fn region(&self) -> Option<String> {
        self.config.region().map(ToString::to_string)
    }

    /// Whether each source can be reached: any answer will do, except those for which nobody could work. One request
    /// each, at once.
    pub async fn reach(&self, region: &Region) -> Vec<Answered> {
        let mut places = vec![
            (self.hub.words(), self.hub.endpoint().to_string()),
            ("Amazon ECR Public".to_owned(), "https://public.ecr.aws/v2/".to_owned()),
            ("Docker Hub".to_owned(), "https://registry-1.docker.io/v2/".to_owned()),
            (format!("AWS STS of {region}"), probe::sts(&self.config, region)),
        ];
        let pricing = probe::pricing(&self.config, region);
        places.extend(pricing.map(|address| ("AWS prices".to_owned(), address)));
        let mut asking = JoinSet::new();
        for (at, (name, address)) in places.into_iter().enumerate() {
            let web = self.web.clone();
            asking.spawn(async move { (at, (name, reached(&web, &address).await)) });
        }
        in_order(asking).await
    }

    /// What Hugging Face makes of the token.
    ///
    /// # Errors
    /// It did not say.
    pub async fn token(&self) -> Result<TokenState, Failure> {
        self.hub.token_state(&self.web, &Errand::new(PATIENCE)).await
    }

    /// The number of the account that is asked for.
    ///
    /// # Errors
    /// There are no credentials, or AWS does not take them.
    pub async fn account(&self, region: &Region) -> Result<String, Failure> {
        self.aws.account(region, &Errand::new(PATIENCE)).await
    }

    /// Which actions of smart mode are allowed: each that can be tried without a change is tried, all at once.
    pub async fn permissions(&self, region: &Region) -> Vec<(Action, Result<(), Failure>)> {
        let mut asking = JoinSet::new();
        for (at, (action, how)) in probe::tries(region).into_iter().enumerate() {
            let aws = self.aws.clone();
            asking.spawn(async move {
                let errand = Errand::resumed(PATIENCE, TRIES);
                let answer = match how {
                    Try::By(call) => probe::allowed(&aws, &call, &errand).await,
                    Try::Not(why) => Err(Failure::NotAsked(why.to_owned())),
                };
                (at, (*action, answer))
            });
        }
        in_order(asking).await
    }
}

/// All that come in, in the order in which they were asked.
async fn in_order<T: 'static>(asking: JoinSet<(usize, T)>) -> Vec<T> {
    let mut all = asking.join_all().await;
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, answered)| answered).collect()
}

/// Whether somebody answers at an address.
async fn reached(web: &Web, address: &str) -> Result<(), Failure> {
    let url = Url::parse(address)
        .map_err(|_| Failure::Refused("its address cannot be queried".to_owned()))?;
    let (headers, body) = (HeaderMap::new(), Bytes::new());
    let request = Request { method: Method::HEAD, url, headers, body, most: MOST };
    let answer = web.send_within(request, &Errand::resumed(PATIENCE, 1), PATIENCE).await?;
    match answer.status.as_u16() {
        status @ 500.. => Err(Failure::Refused(format!("HTTP {status}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::Network;

    #[tokio::test]
    async fn who_is_not_there_is_not_reached() {
        let web = Web::new(&Network::default()).unwrap();
        // Port 9 discards, and needs rights to be taken.
        assert_eq!(reached(&web, "http://127.0.0.1:9/").await, Err(Failure::Unreachable));
        assert!(matches!(reached(&web, "nowhere").await, Err(Failure::Refused(_))));
    }
}
