//! What is meant by a name that the catalogs do not have: a Region by its city, an instance type by its EC2 name, its
//! family or its GPU.

use crate::catalogs::Catalogs;
use crate::instances::Instance;
use crate::nearest::nearest;
use crate::places::{Whereabouts, distance_km};

/// How many are offered.
const OFFERED: usize = 3;

impl Catalogs {
    /// The Regions that `text` may mean, the most likely first: by code, by city or country, by nearness.
    pub fn regions_meant(&self, text: &str) -> Vec<&str> {
        let lower = text.trim().to_lowercase();
        // An availability zone is in its Region.
        let code = lower.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let codes = || self.regions().iter().map(|row| row.region.as_str());
        if let Some(region) = codes().find(|region| {
            *region == lower || *region == code || *region == lower.replace('_', "-")
        }) {
            return vec![region];
        }
        let named: Vec<&str> = self
            .regions()
            .iter()
            .filter(|row| {
                let words = |c: char| !c.is_alphanumeric();
                let name = row.name.to_lowercase();
                lower.len() > 2
                    && (name == lower
                        || name.split_once('(').is_some_and(|(_, city)| {
                            city.trim_end_matches(')').split(words).any(|word| word == lower)
                                || city.trim_end_matches(')') == lower
                        }))
            })
            .map(|row| row.region.as_str())
            .collect();
        if !named.is_empty() {
            return named;
        }
        if let Some(near) = self.places().find(text).map(|place| self.regions_at(place))
            && !near.is_empty()
        {
            return near;
        }
        nearest(&lower, codes(), OFFERED)
    }

    fn regions_at(&self, place: Whereabouts<'_>) -> Vec<&str> {
        // Other partitions need accounts of their own, and nobody has one without knowing the Region's code.
        let usual = self.places().regions().filter(|row| {
            let own = self.regions().get(row.region.as_str());
            own.is_some_and(|own| own.partition == "aws")
        });
        match place {
            Whereabouts::Place(point) => {
                let from = (point.latitude, point.longitude);
                let mut all: Vec<(f64, &str)> = usual
                    .map(|row| {
                        (distance_km(from, (row.latitude, row.longitude)), row.region.as_str())
                    })
                    .collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0));
                all.into_iter().take(OFFERED).map(|(_, region)| region).collect()
            }
            Whereabouts::Group(group) => usual
                .filter(|row| group.countries.contains(&row.country))
                .map(|row| row.region.as_str())
                .take(OFFERED)
                .collect(),
        }
    }

    /// The instance types that `text` may mean, the most likely first.
    pub fn types_meant(&self, text: &str) -> Vec<&str> {
        let lower = text.trim().to_lowercase().replace(['_', ' '], ".");
        let bare = lower.strip_prefix("ml.").unwrap_or(&lower);
        let full = format!("ml.{bare}");
        let all = self.instances();
        if let Some(row) = all.get(&full) {
            return vec![row.name.as_str()];
        }
        let some = |takes: &dyn Fn(&Instance) -> bool| -> Vec<&str> {
            let found = all.iter().filter(|row| takes(row)).take(OFFERED);
            found.map(|row| row.name.as_str()).collect()
        };
        let (family, size) = bare.split_once('.').unwrap_or((bare, ""));
        if size.is_empty() {
            let of_family = some(&|row| row.family() == family);
            if !of_family.is_empty() {
                return of_family;
            }
            let gpu = |row: &Instance| {
                row.accelerator().is_some_and(|own| {
                    own.name.to_lowercase().split('-').next().is_some_and(|name| name == family)
                })
            };
            let with_gpu = some(&gpu);
            if !with_gpu.is_empty() {
                return with_gpu;
            }
        }
        // A wrong size of a family that there is means another size of that family.
        let own = all.iter().filter(|row| row.family() == family).map(|row| row.name.as_str());
        let near = nearest(&full, own, OFFERED);
        if !near.is_empty() || size.is_empty() {
            return if near.is_empty() { all.nearest(&full) } else { near };
        }
        // A family that is like none means nothing, whatever its size is.
        let families = nearest(family, all.iter().map(Instance::family), OFFERED);
        let alike = all.iter().filter(|row| families.contains(&row.family()));
        nearest(&full, alike.map(|row| row.name.as_str()), OFFERED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_found_by_what_people_call_them() {
        let catalogs = Catalogs::embedded();
        for (text, region) in [
            ("frankfurt", "eu-central-1"),
            ("Frankfurt", "eu-central-1"),
            ("europe (frankfurt)", "eu-central-1"),
            ("Tokyo", "ap-northeast-1"),
            ("ireland", "eu-west-1"),
            ("Oregon", "us-west-2"),
            ("Berlin", "eu-central-1"),
            ("US-EAST-1", "us-east-1"),
            ("us_east_1", "us-east-1"),
            ("us-east-1a", "us-east-1"),
            ("us-east1", "us-east-1"),
            ("eu-cental-1", "eu-central-1"),
        ] {
            assert_eq!(catalogs.regions_meant(text).first(), Some(&region), "{text}");
        }
        assert!(catalogs.regions_meant("zzzz").is_empty());
        assert!(catalogs.regions_meant("").is_empty());
    }

    #[test]
    fn types_are_found_by_what_people_call_them() {
        let catalogs = Catalogs::embedded();
        for (text, kind) in [
            ("ml.g5.xlrge", "ml.g5.xlarge"),
            ("g6e.2xlarge", "ml.g6e.2xlarge"),
            ("ML.G5.XLARGE", "ml.g5.xlarge"),
            ("ml_g5_xlarge", "ml.g5.xlarge"),
            ("ml.m5.xlrage", "ml.m5.xlarge"),
        ] {
            assert_eq!(catalogs.types_meant(text).first(), Some(&kind), "{text}");
        }
        assert!(
            catalogs.types_meant("ml.g6e.3xlarge").iter().all(|name| name.starts_with("ml.g6e."))
        );
        assert!(catalogs.types_meant("g5").iter().all(|name| name.starts_with("ml.g5.")));
        assert!(catalogs.types_meant("H100").iter().all(|name| name.starts_with("ml.p5.")));
        assert!(catalogs.types_meant("zzzz").is_empty());
        assert!(catalogs.types_meant("ml.zz.xlarge").is_empty());
        assert!(catalogs.types_meant("ml.g55.xlarge").contains(&"ml.g5.xlarge"));
    }
}
