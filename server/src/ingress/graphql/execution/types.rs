//! The types of the schema, parsed back from its text, for checking values before execution.

use std::collections::{HashMap, HashSet};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, OperationType, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Number, Positioned};
use async_graphql_value::{ConstValue, Value};
use chrono::DateTime;

use crate::ingress::graphql::position;

/// Problems with one value go on below this many levels of it only as far as the schema does; lists nest no deeper.
const MAX_LEVELS: usize = 32;

/// Bytes of a place inside a value, such as `input.source.git.url`, that a message repeats.
const MAX_PLACE: usize = 256;

/// What a schema knows of its types.
#[derive(Debug, Default)]
pub(in crate::ingress::graphql) struct Types {
    kinds: HashMap<Name, Kind>,
    /// The types of operations, where the schema's text names them.
    roots: [Option<Name>; 3],
}

#[derive(Debug)]
enum Kind {
    Scalar,
    /// Fields with their types and arguments.
    Composite(HashMap<Name, Output>),
    Enum(Vec<Name>),
    Input {
        fields: Vec<Input>,
        one_of: bool,
    },
}

/// A field of an object or an interface.
#[derive(Debug)]
pub(super) struct Output {
    /// The name of its type, without lists.
    pub of: Name,
    /// What it may be asked with.
    pub arguments: Vec<Input>,
}

/// An argument, or a field of an input object.
#[derive(Debug)]
pub(super) struct Input {
    pub name: Name,
    pub ty: Type,
    has_default: bool,
}

impl Input {
    fn of(definition: &Positioned<InputValueDefinition>) -> Self {
        let definition = &definition.node;
        Self {
            name: definition.name.node.clone(),
            ty: definition.ty.node.clone(),
            has_default: definition.default_value.is_some(),
        }
    }

    fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }
}

/// How a value does not fit its type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Where in the value: `.source.git.url`, `[2]`; empty for the value itself.
    pub place: String,
    /// What is wrong, as the end of a sentence that begins with the place.
    pub problem: String,
}

impl Misfit {
    fn new(problem: impl Into<String>) -> Self {
        Self { place: String::new(), problem: problem.into() }
    }

    fn inside(mut self, step: &str) -> Self {
        if self.place.len() + step.len() <= MAX_PLACE {
            self.place.insert_str(0, step);
        }
        self
    }
}

impl Types {
    /// The types of the schema that is written so (SDL).
    pub(in crate::ingress::graphql) fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("the schema's own text is a schema");
        let mut kinds: HashMap<Name, Kind> =
            ["Int", "Float", "String", "Boolean", "ID"].map(|name| (Name::new(name), Kind::Scalar)).into();
        let mut roots = [None, None, None];
        for definition in document.definitions {
            let definition = match definition {
                TypeSystemDefinition::Type(definition) => definition.node,
                TypeSystemDefinition::Schema(schema) => {
                    let schema = schema.node;
                    roots = [schema.query, schema.mutation, schema.subscription].map(|root| Some(root?.node));
                    continue;
                }
                TypeSystemDefinition::Directive(_) => continue,
            };
            let fields = |fields: Vec<Positioned<FieldDefinition>>| {
                let field = |field: Positioned<FieldDefinition>| {
                    let of = innermost(&field.node.ty.node).clone();
                    let arguments = field.node.arguments.iter().map(Input::of).collect();
                    (field.node.name.node, Output { of, arguments })
                };
                Kind::Composite(fields.into_iter().map(field).collect())
            };
            let kind = match definition.kind {
                TypeKind::Scalar => Kind::Scalar,
                TypeKind::Object(object) => fields(object.fields),
                TypeKind::Interface(interface) => fields(interface.fields),
                TypeKind::Union(_) => Kind::Composite(HashMap::new()),
                TypeKind::Enum(values) => {
                    Kind::Enum(values.values.into_iter().map(|value| value.node.value.node).collect())
                }
                TypeKind::InputObject(input) => Kind::Input {
                    fields: input.fields.iter().map(Input::of).collect(),
                    one_of: definition.directives.iter().any(|directive| directive.node.name.node == "oneOf"),
                },
            };
            kinds.insert(definition.name.node, kind);
        }
        Self { kinds, roots }
    }

    /// The name of the type at the top of an operation.
    pub(super) fn root(&self, operation: OperationType) -> &str {
        let (index, usual) = match operation {
            OperationType::Query => (0, "Query"),
            OperationType::Mutation => (1, "Mutation"),
            OperationType::Subscription => (2, "Subscription"),
        };
        self.roots[index].as_ref().map_or(usual, Name::as_str)
    }

    /// A field of an object or an interface. `None` for one that is not in the schema's text, such as `__schema`.
    pub(super) fn field(&self, of: &str, name: &str) -> Option<&Output> {
        match self.kinds.get(of)? {
            Kind::Composite(fields) => fields.get(name),
            _ => None,
        }
    }

    /// Whether a value fits a type, as section 3 of the specification has it. What a variable stands for is not looked
    /// at: it is checked against the variable's own type. `strict` are the variables that are never null.
    ///
    /// # Errors
    /// The first place where it does not fit.
    pub(super) fn check(&self, value: &impl Given, ty: &Type, strict: &HashSet<&Name>) -> Result<(), Misfit> {
        Check { types: self, strict }.value(value, ty, false, 0)
    }

    /// The same for an argument, whose default stands in for a variable that is null.
    ///
    /// # Errors
    /// The first place where it does not fit.
    pub(super) fn check_argument(
        &self,
        value: &impl Given,
        argument: &Input,
        strict: &HashSet<&Name>,
    ) -> Result<(), Misfit> {
        Check { types: self, strict }.value(value, &argument.ty, argument.has_default, 0)
    }
}

/// A value as it was given: written in a query, or as a variable. Looked at where it lies, because it may be large.
pub(super) trait Given: Sized {
    /// Whether it came as JSON, which has no names without quotes.
    const JSON: bool;

    /// What it is.
    fn shape(&self) -> Shape<'_, Self>;
}

/// What a value is.
pub(super) enum Shape<'v, V> {
    Null,
    Number(&'v Number),
    Text(&'v str),
    Boolean,
    Enum(&'v Name),
    List(&'v [V]),
    Object(&'v IndexMap<Name, V>),
    Variable(&'v Name),
    Binary,
}

/// The shape of a value of either type: they differ in variables alone.
macro_rules! shape {
    ($value:expr $(, $variable:pat => $its:expr)?) => {
        match $value {
            $($variable => $its,)?
            Self::Null => Shape::Null,
            Self::Number(number) => Shape::Number(number),
            Self::String(text) => Shape::Text(text),
            Self::Boolean(_) => Shape::Boolean,
            Self::Binary(_) => Shape::Binary,
            Self::Enum(name) => Shape::Enum(name),
            Self::List(items) => Shape::List(items),
            Self::Object(fields) => Shape::Object(fields),
        }
    };
}

impl Given for Value {
    const JSON: bool = false;

    fn shape(&self) -> Shape<'_, Self> {
        shape!(self, Self::Variable(name) => Shape::Variable(name))
    }
}

impl Given for ConstValue {
    const JSON: bool = true;

    fn shape(&self) -> Shape<'_, Self> {
        shape!(self)
    }
}

struct Check<'c> {
    types: &'c Types,
    strict: &'c HashSet<&'c Name>,
}

impl Check<'_> {
    fn value<V: Given>(&self, value: &V, ty: &Type, has_default: bool, level: usize) -> Result<(), Misfit> {
        if level > MAX_LEVELS {
            return Err(Misfit::new(format!("is nested more than {MAX_LEVELS} levels deep")));
        }
        match (value.shape(), &ty.base) {
            (Shape::Variable(name), _) if !ty.nullable && !has_default && !self.strict.contains(name) => {
                Err(Misfit::new(format!("must be of type `{ty}`, which is never null, and `${name}` may be")))
            }
            (Shape::Variable(_), _) => Ok(()),
            (Shape::Null, _) if ty.nullable => Ok(()),
            (Shape::Null, _) => Err(Misfit::new(format!("must be of type `{ty}`, which is never null"))),
            (Shape::List(items), BaseType::List(of)) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.value(item, of, false, level + 1).map_err(|misfit| misfit.inside(&format!("[{index}]")))
            }),
            // A single value stands for a list that has it alone.
            (_, BaseType::List(of)) => self.value(value, of, false, level + 1),
            (shape, BaseType::Named(name)) => self.named(shape, name, level),
        }
    }

    fn named<V: Given>(&self, shape: Shape<'_, V>, name: &Name, level: usize) -> Result<(), Misfit> {
        // A type that is not there is found by the validation of the query.
        let Some(kind) = self.types.kinds.get(name) else { return Ok(()) };
        match (kind, shape) {
            (Kind::Scalar, shape) => scalar(name, &shape),
            (Kind::Enum(values), Shape::Enum(given)) if values.contains(given) => Ok(()),
            (Kind::Enum(values), Shape::Text(given))
                if V::JSON && values.iter().any(|value| value.as_str() == given) =>
            {
                Ok(())
            }
            (Kind::Enum(values), _) => {
                let names: Vec<_> = values.iter().map(Name::as_str).collect();
                Err(Misfit::new(format!("must be one of {}", names.join(", "))))
            }
            (Kind::Input { fields, one_of }, Shape::Object(given)) => self.object(given, name, fields, *one_of, level),
            (Kind::Input { .. }, other) => {
                Err(Misfit::new(format!("must be an object of type `{name}`, and is {}", what(&other))))
            }
            (Kind::Composite(_), _) => Ok(()),
        }
    }

    fn object<V: Given>(
        &self,
        given: &IndexMap<Name, V>,
        name: &Name,
        fields: &[Input],
        one_of: bool,
        level: usize,
    ) -> Result<(), Misfit> {
        for field in fields {
            match given.get(&field.name) {
                Some(value) => self
                    .value(value, &field.ty, field.has_default, level + 1)
                    .map_err(|misfit| misfit.inside(&format!(".{}", field.name)))?,
                None if field.is_required() => {
                    return Err(Misfit::new(format!("has no `{}`, which `{name}` requires", field.name)));
                }
                None => {}
            }
        }
        if let Some(unknown) = given.keys().find(|key| fields.iter().all(|field| field.name != **key)) {
            let shown: String = unknown.chars().take(MAX_PLACE).collect();
            return Err(Misfit::new(format!("has `{shown}`, which `{name}` does not have")));
        }
        let may_be_null = |value: &V| match value.shape() {
            Shape::Null => true,
            Shape::Variable(name) => !self.strict.contains(name),
            _ => false,
        };
        if one_of && (given.len() != 1 || given.values().any(may_be_null)) {
            let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
            return Err(Misfit::new(format!("must have exactly one of {}, which is never null", names.join(", "))));
        }
        Ok(())
    }
}

/// The name at the bottom of a type's lists.
fn innermost(ty: &Type) -> &Name {
    let mut ty = ty;
    loop {
        match &ty.base {
            BaseType::Named(name) => return name,
            BaseType::List(of) => ty = of,
        }
    }
}

fn scalar<V>(name: &str, shape: &Shape<'_, V>) -> Result<(), Misfit> {
    let fits = match (name, shape) {
        ("Int", Shape::Number(number)) => {
            if number.as_i64().is_none_or(|number| i32::try_from(number).is_err()) {
                let message = "must be a whole number of 32 bits; a position of the log may be larger: where there is \
                               an argument of type `Position`, use that";
                return Err(Misfit::new(message));
            }
            true
        }
        ("DateTime", Shape::Text(text)) => {
            if DateTime::parse_from_rfc3339(text).is_err() {
                return Err(Misfit::new("must be a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z"));
            }
            true
        }
        ("Float", Shape::Number(_)) | ("String" | "ID", Shape::Text(_)) | ("Boolean", Shape::Boolean) => true,
        ("ID", Shape::Number(number)) => !number.is_f64(),
        (position::NAME, Shape::Number(number)) => number.is_u64(),
        (position::NAME, Shape::Text(text)) => position::parse(text).is_some(),
        ("Int" | "Float" | "String" | "ID" | "Boolean" | "DateTime" | position::NAME, _) => false,
        // Whatever it is.
        _ => true,
    };
    match fits {
        true => Ok(()),
        false => Err(Misfit::new(format!("must be of type `{name}`, and is {}", what(shape)))),
    }
}

/// What a value is, in words; not the value itself, which may be long or secret.
fn what<V>(shape: &Shape<'_, V>) -> &'static str {
    match shape {
        Shape::Null => "null",
        Shape::Number(number) if number.is_f64() => "a fraction",
        Shape::Number(_) => "a number",
        Shape::Text(_) => "a text",
        Shape::Boolean => "a boolean",
        Shape::Enum(_) => "a name without quotes",
        Shape::List(_) => "a list",
        Shape::Object(_) => "an object",
        Shape::Binary => "binary",
        Shape::Variable(_) => "a variable",
    }
}
