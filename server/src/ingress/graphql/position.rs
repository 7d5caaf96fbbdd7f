//! The scalar type for positions, which exceed the range of `Int`.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// Its name in the schema.
pub(super) const NAME: &str = "Position";

/// A place in the log, or among all lines that functions wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(pub u64);

/// A place in the log, or among all lines that functions wrote: a whole number of 64 bits, written as a JSON number. As
/// an input, its digits may be given as a string as well.
#[Scalar(name = "Position")]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        let position = match &value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => parse(text),
            _ => None,
        };
        position.map(Self).ok_or_else(|| {
            InputValueError::custom("a position must be a whole number, 0 or more, or its digits as a string")
        })
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

/// The position that a text is: digits, and nothing else.
pub(super) fn parse(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl From<u64> for Position {
    fn from(position: u64) -> Self {
        Self(position)
    }
}

/// The position that was given: by its own type, or by the `Int` that came before it.
pub(super) fn given(position: Option<Position>, int: Option<u64>) -> Option<u64> {
    position.map(|Position(position)| position).or(int)
}
