//! Capacity that an account reserved: training plans of SageMaker, and reservations of EC2.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use mcc_catalogs::{Capacity, CapacityKind, InstanceType, Region, cut};
use serde::Deserialize;

use super::xml::Element;
use crate::failure::Failure;

/// Most rows of one kind.
const MOST: usize = 100;
/// Longest name or id that is kept, in characters.
pub(super) const NAME: usize = 256;

/// What `ListTrainingPlans` answers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Plans {
    training_plan_summaries: Vec<Plan>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Plan {
    training_plan_arn: String,
    status: String,
    total_instance_count: Option<u32>,
    available_instance_count: Option<u32>,
    in_use_instance_count: Option<u32>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    #[serde(default)]
    target_resources: Vec<String>,
    #[serde(default)]
    reserved_capacity_summaries: Vec<Reserved>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reserved {
    instance_type: String,
    availability_zone: Option<String>,
}

/// The rows of a page of training plans that can still be used, and how many more there are that say too little.
pub(super) fn plans(page: Plans, region: &Region) -> (Vec<Capacity>, usize) {
    let mut unclear = 0;
    let mut rows = Vec::new();
    for plan in page.training_plan_summaries {
        if matches!(plan.status.as_str(), "Expired" | "Failed") {
            continue;
        }
        let free = plan.available_instance_count.or_else(|| {
            Some(plan.total_instance_count?.saturating_sub(plan.in_use_instance_count?))
        });
        // The parts of a plan follow each other in time; all are of one type.
        let parts = &plan.reserved_capacity_summaries;
        let instance = parts.first();
        let instance = instance.and_then(|part| part.instance_type.parse::<InstanceType>().ok());
        let zone = parts.first().and_then(|part| part.availability_zone.as_deref());
        let one_zone = parts.iter().all(|part| part.availability_zone.as_deref() == zone);
        let (Some(free), Some(total), Some(instance)) = (free, plan.total_instance_count, instance)
        else {
            unclear += 1;
            continue;
        };
        rows.push(Capacity {
            id: cut(&plan.training_plan_arn, NAME).into_owned(),
            region: region.clone(),
            kind: CapacityKind::TrainingPlan,
            instance,
            total,
            free,
            status: cut(&plan.status, 40).into_owned(),
            targets: plan.target_resources.iter().take(8).map(|one| cut(one, 40).into()).collect(),
            starts: plan.start_time.and_then(second),
            ends: plan.end_time.and_then(second),
            zone: zone.filter(|_| one_zone).map(|zone| cut(zone, 40).into_owned()),
        });
    }
    (rows, unclear)
}

/// A page of EC2's capacity reservations.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    pub(super) rows: Vec<Capacity>,
    /// Those that say too little.
    pub(super) unclear: usize,
    pub(super) next_token: Option<String>,
}

/// What `DescribeCapacityReservations` answers.
///
/// # Errors
/// It is something else.
pub(super) fn reservations(root: &Element, region: &Region) -> Result<Reservations, Failure> {
    let Some(set) = root.child("capacityReservationSet") else {
        return Err(Failure::Unreadable("no capacity reservations".to_owned()));
    };
    let next_token = root.text_of("nextToken").map(str::to_owned);
    let mut page = Reservations { next_token, ..Reservations::default() };
    for item in set.all("item").take(MOST) {
        match reservation(item, region) {
            Some(row) => page.rows.push(row),
            None => page.unclear += 1,
        }
    }
    Ok(page)
}

fn reservation(item: &Element, region: &Region) -> Option<Capacity> {
    let count = |name| item.text_of(name)?.parse::<u32>().ok();
    let time = |name| DateTime::from_str(item.text_of(name)?, Format::DateTime).ok().and_then(text);
    let id =
        item.text_of("capacityReservationArn").or_else(|| item.text_of("capacityReservationId"))?;
    Some(Capacity {
        id: cut(id, NAME).into_owned(),
        region: region.clone(),
        kind: CapacityKind::CapacityReservation,
        instance: format!("ml.{}", item.text_of("instanceType")?).parse().ok()?,
        total: count("totalInstanceCount")?,
        free: count("availableInstanceCount")?,
        status: cut(item.text_of("state")?, 40).into_owned(),
        targets: Vec::new(),
        starts: time("startDate"),
        ends: time("endDate"),
        zone: item.text_of("availabilityZone").map(|zone| cut(zone, 40).into_owned()),
    })
}

/// A time in the form of rows.
fn second(epoch: f64) -> Option<String> {
    text(DateTime::from_secs_f64(epoch))
}

fn text(time: DateTime) -> Option<String> {
    DateTime::from_secs(time.secs()).fmt(Format::DateTime).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn region() -> Region {
        "us-east-1".parse().unwrap()
    }

    #[test]
    fn plans_that_can_be_used_are_rows() {
        let arn = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5";
        let plan = json!({"TrainingPlanArn": arn, "TrainingPlanName": "p5", "Status": "Active",
            "TotalInstanceCount": 4, "AvailableInstanceCount": 3, "StartTime": 1_796_083_200.25,
            "TargetResources": ["endpoint"], "New": {},
            "ReservedCapacitySummaries": [{"InstanceType": "ml.p5.48xlarge", "TotalInstanceCount": 4,
                "AvailabilityZone": "us-east-1a"}]});
        let but = |more: serde_json::Value| {
            let mut plan = plan.clone();
            plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            plan
        };
        let page = json!({"TrainingPlanSummaries": [
            plan,
            but(json!({"Status": "Expired"})),
            but(json!({"ReservedCapacitySummaries": []})),
            but(json!({"AvailableInstanceCount": null})),
            but(json!({"AvailableInstanceCount": null, "InUseInstanceCount": 3})),
            but(json!({"StartTime": 1e300, "EndTime": -1.0})),
            but(json!({"ReservedCapacitySummaries": [
                {"InstanceType": "ml.p5.48xlarge", "AvailabilityZone": "us-east-1a"},
                {"InstanceType": "ml.p5.48xlarge", "AvailabilityZone": "us-east-1b"}]})),
        ]});
        let (rows, unclear) = plans(serde_json::from_value(page).unwrap(), &region());
        assert_eq!(unclear, 2);
        assert_eq!(
            rows[0],
            Capacity {
                id: arn.to_owned(),
                region: region(),
                kind: CapacityKind::TrainingPlan,
                instance: "ml.p5.48xlarge".parse().unwrap(),
                total: 4,
                free: 3,
                status: "Active".to_owned(),
                targets: vec!["endpoint".to_owned()],
                starts: Some("2026-12-01T00:00:00Z".to_owned()),
                ends: None,
                zone: Some("us-east-1a".to_owned()),
            }
        );
        assert_eq!(rows.iter().map(|row| row.free).collect::<Vec<_>>(), [3, 1, 3, 3]);
        assert_eq!(rows[3].zone, None, "its parts are in two zones");
        assert_eq!(
            (rows[2].starts.as_deref(), rows[2].ends.as_deref()),
            (None, Some("1969-12-31T23:59:59Z"))
        );
    }

    #[test]
    fn reservations_are_read_as_they_are() {
        let item = "<item><capacityReservationId>cr-1</capacityReservationId><instanceType>p5.48xlarge</instanceType>\
            <totalInstanceCount>2</totalInstanceCount><availableInstanceCount>1</availableInstanceCount>\
            <state>active</state><availabilityZone>us-east-1a</availabilityZone><startDate>2026-11-30T08:00:00.000Z</startDate></item>";
        let odd = item.replace("<state>active</state>", "");
        let body = format!(
            "<DescribeCapacityReservationsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>1</requestId><capacityReservationSet>{item}{odd}</capacityReservationSet>\
             <nextToken>n</nextToken></DescribeCapacityReservationsResponse>"
        );
        let read = |body: &str| reservations(&Element::parse(body.as_bytes())?, &region());
        let page = read(&body).unwrap();
        assert_eq!((page.rows.len(), page.unclear, page.next_token.as_deref()), (1, 1, Some("n")));
        let row = &page.rows[0];
        assert_eq!((row.instance.as_str(), row.total, row.free), ("ml.p5.48xlarge", 2, 1));
        assert_eq!(row.starts.as_deref(), Some("2026-11-30T08:00:00Z"));
        assert_eq!(row.zone.as_deref(), Some("us-east-1a"));
        assert!(read("<a/>").is_err());
        assert!(read(&body[..body.len() - 3]).is_err());
    }
}
