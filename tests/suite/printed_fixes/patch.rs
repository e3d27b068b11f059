//! Applies a printed difference to a JSON file as a person does: what is marked `-` is looked up there and goes, and
//! what is marked `+` comes.
//!
//! A difference shows whole statements or rules, or some lines of one, with a line that tells which one and is not
//! marked.

use serde_json::{Map, Value, json};

use crate::support::TOKEN;

/// The document with the difference made in it. An error where the difference does not fit.
pub fn apply(document: &str, diff: &str) -> Result<String, String> {
    let mut document: Value = serde_json::from_str(document).map_err(|error| format!("{error} in {document:?}"))?;
    let lines = |marks: &[&str]| -> String {
        let marked = diff.lines().filter(|line| marks.contains(&&line[..2.min(line.len())]));
        marked.map(|line| format!("{}\n", &line[2..])).collect()
    };
    let list = elements(&mut document)?;
    match diff.lines().any(|line| line.starts_with("  ")) {
        true => {
            let from = fields(&lines(&["  ", "- "]))?;
            let to = fields(&lines(&["  ", "+ "]))?;
            let fits = |element: &Value| from.iter().all(|(key, value)| element[key] == *value);
            let element = list.iter_mut().find(|element| fits(element));
            let element = element.ok_or_else(|| format!("none is as {from:?}"))?;
            let element = element.as_object_mut().ok_or("it is no object")?;
            element.retain(|key, _| !from.contains_key(key));
            element.extend(to);
        }
        false => {
            let known = ids(list);
            for gone in values(&lines(&["- "]))? {
                let at = list.iter().position(|element| shown(element) == gone);
                let at = at.ok_or_else(|| format!("there is no {gone:#} in {list:#?}"))?;
                list.remove(at);
            }
            for mut come in values(&lines(&["+ "]))? {
                of_external_ids(&mut come, &mut |id| whole(id, &known));
                list.push(come);
            }
        }
    }
    Ok(format!("{document:#}"))
}

/// The statements of a policy, or the rules of a lifecycle configuration.
fn elements(document: &mut Value) -> Result<&mut Vec<Value>, String> {
    let name = ["Statement", "Rules"]
        .into_iter()
        .find(|name| !document[name].is_null())
        .ok_or("it is neither a policy nor a lifecycle configuration")?;
    let list = &mut document[name];
    if list.is_object() {
        *list = json!([list.take()]);
    }
    list.as_array_mut().ok_or_else(|| "it is no list".into())
}

fn fields(lines: &str) -> Result<Map<String, Value>, String> {
    let lines: Vec<&str> = lines.lines().map(|line| line.trim_end_matches(',')).collect();
    let text = format!("{{{}}}", lines.join(","));
    serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))
}

fn values(lines: &str) -> Result<Vec<Value>, String> {
    let values = serde_json::Deserializer::from_str(lines).into_iter();
    values
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{error} in {lines}"))
}

/// A token as the program shows it: by its first and last four characters.
fn ends_of(token: &str) -> String {
    let characters: Vec<char> = token.chars().collect();
    let ends = match characters.len() {
        16.. => 4,
        6.. => 1,
        _ => 0,
    };
    let (head, tail) = (&characters[..ends], &characters[characters.len() - ends..]);
    format!(
        "{}…{}",
        head.iter().collect::<String>(),
        tail.iter().collect::<String>()
    )
}

/// A statement as it is shown: with each ExternalId by its ends.
fn shown(statement: &Value) -> Value {
    let mut shown = statement.clone();
    of_external_ids(&mut shown, &mut |id| ends_of(id));
    shown
}

/// What a person puts where the ends of a token stand: the token that he has, or the one that stood in the file.
fn whole(ends: &str, known: &[String]) -> String {
    let mut candidates = known.iter().map(String::as_str).chain([TOKEN]);
    let found = candidates.find(|id| ends_of(id) == ends);
    match ends {
        "PROJECT_TOKEN" => TOKEN.to_owned(),
        _ => found.unwrap_or(ends).to_owned(),
    }
}

fn ids(statements: &[Value]) -> Vec<String> {
    let mut ids = Vec::new();
    for statement in statements {
        of_external_ids(&mut statement.clone(), &mut |id| {
            ids.push(id.to_owned());
            id.to_owned()
        });
    }
    ids
}

/// Changes every ExternalId that a statement compares with. A list of one is a text.
fn of_external_ids(statement: &mut Value, change: &mut impl FnMut(&str) -> String) {
    let operators = statement.get_mut("Condition").and_then(Value::as_object_mut);
    for keys in operators.into_iter().flat_map(Map::values_mut) {
        let keys = keys.as_object_mut().into_iter().flatten();
        for (_, value) in keys.filter(|(key, _)| key.eq_ignore_ascii_case("sts:ExternalId")) {
            let ids: Vec<String> = match &*value {
                Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
                other => other.as_str().into_iter().collect::<Vec<_>>(),
            }
            .into_iter()
            .map(&mut *change)
            .collect();
            *value = match ids.as_slice() {
                [only] => only.as_str().into(),
                _ => ids.into(),
            };
        }
    }
}
