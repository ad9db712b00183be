//! The catalogue of matters as Open311 services, and discovery.

use super::{
    Refused,
    node::{Node, text},
    public::iso,
    refused,
};
use crate::config::Settings;
use lanewalk_model::{catalog::Catalog, time::TimeMs};

/// The service for what no matter of the catalogue fits: it goes to triage.
pub(super) const OTHER: &str = "other";
const OTHER_NAME: &str = "其他 Other";

/// A question with a list of answers.
pub(super) struct Attribute {
    /// Its code.
    pub(super) code: &'static str,
    description: &'static str,
    /// Key and name of each answer.
    pub(super) values: &'static [(&'static str, &'static str)],
}

/// What a client may say besides the words; the kinds are those of the intake form.
pub(super) const ATTRIBUTES: [Attribute; 2] = [
    Attribute {
        code: "kind",
        description: "诉求类型 kind of appeal",
        values: &[
            ("consult", "咨询 question"),
            ("help", "求助 help"),
            ("suggest", "建议 suggestion"),
            ("complain", "投诉 complaint"),
            ("report", "举报 report"),
        ],
    },
    Attribute {
        code: "secrecy",
        description: "是否要求保密 to be kept in confidence",
        values: &[("no", "否 no"), ("yes", "是 yes")],
    },
];

/// Names a service: (name, group); `None` for a code that is none.
pub(super) fn called(catalog: &Catalog, code: &str) -> Option<(String, String)> {
    if code == OTHER {
        return Some((OTHER_NAME.to_owned(), String::new()));
    }
    let matter = catalog.matter(code)?;
    let unit = catalog.units.iter().find(|u| u.id == matter.lead_unit);
    let group = unit.map_or_else(|| matter.lead_unit.clone(), |u| u.name_zh.clone());
    Some((format!("{} {}", matter.name_zh, matter.name_en).trim().to_owned(), group))
}

/// Lists the services.
pub(super) fn list(catalog: &Catalog) -> Node {
    let service = |code: &str, keywords: &str, urgent: bool| {
        let (name, group) = called(catalog, code).unwrap_or_default();
        let description = if urgent { "紧急件 urgent" } else { "一般件 general" };
        Node::Map(vec![
            ("service_code", text(code)),
            ("service_name", text(&name)),
            ("description", text(description)),
            ("metadata", Node::Bool(true)),
            ("type", text("realtime")),
            ("keywords", text(keywords)),
            ("group", text(&group)),
        ])
    };
    let listed = catalog.matters.iter().map(|m| {
        // A comma separates keywords.
        let keywords: Vec<String> = m.matches.iter().map(|w| w.replace(',', " ")).collect();
        service(&m.matter_code, &keywords.join(","), m.urgency == "urgent")
    });
    Node::List("service", listed.chain([service(OTHER, "", false)]).collect())
}

/// Describes what a service asks for.
pub(super) fn definition(catalog: &Catalog, code: &str) -> Result<Node, Refused> {
    if called(catalog, code).is_none() {
        return refused(404, "service_code 不存在 / service_code not found");
    }
    let attributes = (1_u8..).zip(ATTRIBUTES).map(|(order, Attribute { code, description, values })| {
        let value = |(key, name): &(&str, &str)| Node::Map(vec![("key", text(key)), ("name", text(name))]);
        Node::Map(vec![
            ("variable", Node::Bool(true)),
            ("code", text(code)),
            ("datatype", text("singlevaluelist")),
            ("required", Node::Bool(false)),
            ("datatype_description", Node::Null),
            ("order", Node::Number(f64::from(order))),
            ("description", text(description)),
            ("values", Node::List("value", values.iter().map(value).collect())),
        ])
    });
    Ok(Node::Map(vec![
        ("service_code", text(code)),
        ("attributes", Node::List("attribute", attributes.collect())),
    ]))
}

/// Tells where the endpoint is and since when its services are as they are.
pub(super) fn discovery(settings: &Settings, changed: TimeMs) -> Node {
    let base = settings.public_url.trim_end_matches('/');
    let formats = ["text/xml", "application/json"].map(text).to_vec();
    let endpoint = Node::Map(vec![
        ("specification", text("http://wiki.open311.org/GeoReport_v2")),
        ("url", Node::Text(format!("{base}/open311/v2"))),
        ("changeset", text(&iso(changed))),
        ("type", text("production")),
        ("formats", Node::List("format", formats)),
    ]);
    Node::Map(vec![
        ("changeset", text(&iso(changed))),
        ("contact", text(&settings.open311.contact)),
        ("key_service", text(&settings.open311.contact)),
        ("endpoints", Node::List("endpoint", vec![endpoint])),
    ])
}
