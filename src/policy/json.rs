//! JSON as people write it, read with an eye to keys that stand twice: of those, a reader may take either.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a text, of which the last of equal keys counts, and answers the first key that stands twice in one object.
pub(super) fn read(text: &str) -> Result<(Value, Option<String>), serde_json::Error> {
    let twice = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Reader(&twice).deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, twice.into_inner()))
}

/// The first key that was met twice, so far.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number is none"))?;
        Ok(number.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            let value = object.next_value_seed(self)?;
            if map.insert(key.clone(), value).is_some() {
                self.0.borrow_mut().get_or_insert(key);
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        for text in [
            r#"{"a":[1,-2,3.5,1e300,true,null,"x\u00e9\n"],"b":{"c":{}},"d":[]}"#,
            "[]",
            "\"x\"",
            "18446744073709551615",
        ] {
            let (value, twice) = read(text).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap(), "{text}");
            assert_eq!(twice, None, "{text}");
        }
        for broken in ["", "{", "{} {}", "\u{feff}{}", "{\"a\":\0}", "1e999", &"[".repeat(300)] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_told() {
        let twice = |text: &str| read(text).unwrap().1;
        assert_eq!(twice(r#"{"a":1,"b":[{"c":1,"c":1}]}"#).as_deref(), Some("c"));
        assert_eq!(twice(r#"{"a":1,"A":2,"b":{"a":3}}"#), None);
    }
}
