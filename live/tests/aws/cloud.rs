//! What the stand-in answers by itself: prices, quotas and endpoints, as the services have them.

use serde_json::{Value, json};

use super::standin::{Asked, Said};

/// Pages of quotas of the account.
pub const QUOTA_PAGES: usize = 30;

/// A product of the price list.
pub fn product(name: &str, region: &str, usd: &str) -> Value {
    let sku = format!("SKU{}", name.replace('.', ""));
    let product = json!({
        "product": { "productFamily": "ML Instance", "sku": sku, "attributes": {
            "servicecode": "AmazonSageMaker", "component": "Hosting", "instanceName": name,
            "regionCode": region, "usagetype": format!("USW2-Host:{name}"), "vCpu": "4",
        } },
        "serviceCode": "AmazonSageMaker",
        "terms": { "OnDemand": { format!("{sku}.JRTCKXETXF"): {
            "priceDimensions": { format!("{sku}.JRTCKXETXF.6YS6EN2CT7"): {
                "unit": "Hrs", "beginRange": "0", "endRange": "Inf",
                "pricePerUnit": { "USD": usd },
            } },
            "sku": sku, "effectiveDate": "2026-11-01T00:00:00Z", "offerTermCode": "JRTCKXETXF",
            "termAttributes": {},
        } } },
        "version": "20261101000000", "publicationDate": "2026-11-01T00:00:00Z",
    });
    json!(product.to_string())
}

/// The page of prices that is asked for: three, of which the second has a product of another kind.
fn prices(asked: &Asked) -> Said {
    let region = asked.input["Filters"][0]["Value"].as_str().unwrap_or_default().to_owned();
    let page = |products: Vec<Value>, next: Option<&str>| {
        let mut page = json!({ "FormatVersion": "aws_v1", "PriceList": products });
        if let Some(next) = next {
            page["NextToken"] = json!(next);
        }
        Said::json(&page)
    };
    match asked.input["NextToken"].as_str() {
        None => page(
            vec![
                product("ml.g5.xlarge", &region, "1.9000000000"),
                product("ml.m5.large", &region, "0.1300000000"),
            ],
            Some("two"),
        ),
        Some("two") => page(
            vec![product("ml.g6.xlarge", &region, "1.2000000000"), json!("{\"product\":7}")],
            Some("three"),
        ),
        Some(_) => page(vec![product("ml.g5.2xlarge", &region, "2.1000000000")], None),
    }
}

/// A page of quotas: those of use stand on the third.
fn quotas(asked: &Asked) -> Said {
    let page: usize = asked.input["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let row = |name: &str, code: &str, value: f64| {
        json!({
            "ServiceCode": "sagemaker", "ServiceName": "Amazon SageMaker", "QuotaName": name,
            "QuotaCode": code, "QuotaArn": format!("arn:aws:servicequotas:us-west-2:1:sagemaker/{code}"),
            "Value": value, "Unit": "None", "Adjustable": true, "GlobalQuota": false,
        })
    };
    let mut rows: Vec<Value> = (0..97)
        .map(|at| {
            row(
                &format!("ml.m{page}.x{at} for processing job usage"),
                &format!("L-{page:04}{at:04}"),
                1.0,
            )
        })
        .collect();
    if page == 2 {
        rows.push(row("ml.g5.xlarge for endpoint usage", "L-1928E07B", 2.0));
        rows.push(row("ml.g5.2xlarge for endpoint usage", "L-9614C779", 0.0));
        rows.push(row("ml.g5.xlarge for cluster usage", "L-AAAAAAAA", 4.0));
    }
    let mut answer = json!({ "Quotas": rows });
    if page + 1 < QUOTA_PAGES {
        answer["NextToken"] = json!((page + 1).to_string());
    }
    Said::json(&answer)
}

/// One endpoint, with one instance of two that it wants.
fn endpoint(asked: &Asked) -> Said {
    match asked.operation.as_str() {
        "ListEndpoints" => Said::json(&json!({ "Endpoints": [{
            "EndpointName": "chat", "EndpointArn": "arn:aws:sagemaker:us-west-2:123456789012:endpoint/chat",
            "CreationTime": 1_796_000_000, "LastModifiedTime": 1_796_000_000, "EndpointStatus": "InService",
        }] })),
        "DescribeEndpoint" => Said::json(&json!({
            "EndpointName": "chat", "EndpointArn": "arn:aws:sagemaker:us-west-2:123456789012:endpoint/chat",
            "EndpointConfigName": "chat-1", "EndpointStatus": "InService",
            "CreationTime": 1_796_000_000, "LastModifiedTime": 1_796_000_000,
            "ProductionVariants": [{ "VariantName": "all", "CurrentInstanceCount": 1, "DesiredInstanceCount": 2 }],
        })),
        _ => Said::json(&json!({
            "EndpointConfigName": "chat-1", "CreationTime": 1_796_000_000,
            "EndpointConfigArn": "arn:aws:sagemaker:us-west-2:123456789012:endpoint-config/chat-1",
            "ProductionVariants": [{ "VariantName": "all", "ModelName": "m", "InstanceType": "ml.g5.xlarge",
                "InitialInstanceCount": 2 }],
        })),
    }
}

/// All of it.
pub fn answer(asked: &Asked) -> Said {
    match asked.operation.as_str() {
        "GetCallerIdentity" => Said::identity(),
        "GetProducts" => prices(asked),
        "ListServiceQuotas" => quotas(asked),
        "ListEndpoints" | "DescribeEndpoint" | "DescribeEndpointConfig" => endpoint(asked),
        _ => Said::refused(asked, 400, "UnknownOperationException"),
    }
}
