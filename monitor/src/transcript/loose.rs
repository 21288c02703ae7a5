//! Reading JSON whose fields may be of any type: a value of an odd type is as if absent, never an error.
//!
//! One pass, borrowed where the text allows it; what nobody asks for is skipped without being built.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Longest text that is looked at, in bytes; what follows is cut off.
pub(crate) const MAX_TEXT: usize = 4096;
/// Most items of a list that are kept.
const MAX_ITEMS: usize = 4096;

/// An object's fields, told one by one; a repeated field counts the last time.
pub(super) trait Fields<'de>: Default {
    /// Takes the value of this field, or skips it.
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Takes the next value as whatever `T` makes of it.
pub(super) fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<T, A::Error> {
    map.next_value()
}

/// The next value if it is a string, cut to [`MAX_TEXT`].
pub(super) fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(value::<Text<'de>, A>(map)?.0)
}

/// The next value if it is `true` or `false`.
pub(super) fn flag<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<bool>, A::Error> {
    Ok(value::<Flag, A>(map)?.0)
}

/// The next value if it is an object, otherwise one without fields.
pub(super) fn object<'de, T: Fields<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<T, A::Error> {
    Ok(value::<Object<T>, A>(map)?.0.unwrap_or_default())
}

/// Skips the next value.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// Visits of a visitor whose value's default stands for every odd type.
macro_rules! as_if_absent {
    (scalars) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
    };
    (bool) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
    (str) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
    (seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

/// A string, or nothing.
#[derive(Default)]
pub(super) struct Text<'de>(pub(super) Option<Cow<'de, str>>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Text<'de>;
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(cut(text)))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(cut(text).to_owned()))))
            }
            as_if_absent!(scalars);
            as_if_absent!(bool);
            as_if_absent!(seq);
            as_if_absent!(map);
        }
        deserializer.deserialize_any(Visit)
    }
}

/// At most [`MAX_TEXT`] bytes, whole characters.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

#[derive(Default)]
struct Flag(Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Flag;
            fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(Some(flag)))
            }
            as_if_absent!(scalars);
            as_if_absent!(str);
            as_if_absent!(seq);
            as_if_absent!(map);
        }
        deserializer.deserialize_any(Visit)
    }
}

/// An object, or nothing.
pub(super) struct Object<T>(pub(super) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);
        impl<'de, T: Fields<'de>> Visitor<'de> for Visit<T> {
            type Value = Object<T>;
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
                let mut object = T::default();
                while let Some(Key(name)) = map.next_key()? {
                    object.field(&name, &mut map)?;
                }
                Ok(Object(Some(object)))
            }
            as_if_absent!(scalars);
            as_if_absent!(bool);
            as_if_absent!(str);
            as_if_absent!(seq);
        }
        deserializer.deserialize_any(Visit(PhantomData))
    }
}

struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Key<'de>;
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(cut(key).to_owned())))
            }
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
        }
        deserializer.deserialize_str(Visit)
    }
}

/// A string, a list of objects, or nothing.
#[derive(Default)]
pub(super) enum TextOrList<'de, T> {
    /// Neither.
    #[default]
    Absent,
    /// A string, cut to [`MAX_TEXT`].
    Text(Cow<'de, str>),
    /// The objects of a list; what is no object is left out.
    List(Vec<T>),
}

impl<'de, T: Fields<'de>> Deserialize<'de> for TextOrList<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<T>(PhantomData<T>);
        impl<'de, T: Fields<'de>> Visitor<'de> for Visit<T> {
            type Value = TextOrList<'de, T>;
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(TextOrList::Text(Cow::Borrowed(cut(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOrList::Text(Cow::Owned(cut(text).to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(Object(item)) = seq.next_element()? {
                    list.extend(item.filter(|_| list.len() < MAX_ITEMS));
                }
                Ok(TextOrList::List(list))
            }
            as_if_absent!(scalars);
            as_if_absent!(bool);
            as_if_absent!(map);
        }
        deserializer.deserialize_any(Visit(PhantomData))
    }
}
