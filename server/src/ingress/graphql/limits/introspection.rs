//! What the schema says about the price of its fields: which ones hold payloads, which ones are lists without pages, and
//! what a question about the schema itself costs, which is as many values as it is answered with.
//!
//! `fields` is a list without a page: asked of every type, it is as long as the schema.

use std::collections::HashSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, TypeKind, TypeSystemDefinition};

/// Values that an answer about the schema may have. The questions that tools ask have a third of it.
pub(in crate::ingress::graphql) const MAX_COST: usize = 150_000;

/// Types that every schema has and its text does not: those of introspection, and scalars.
const BUILT_IN_TYPES: usize = 15;

/// Fields of the longest type that every schema has.
const BUILT_IN_FIELDS: usize = 12;

/// How long the lists of a schema are.
#[derive(Debug, Clone, Default)]
pub(in crate::ingress::graphql) struct Shape {
    types: usize,
    directives: usize,
    fields: List,
    arguments: List,
    input_fields: List,
    values: List,
    possible: List,
    /// Names of fields of the scalar [`PAYLOAD_SCALAR`].
    payloads: HashSet<String>,
    /// Names of fields that are lists of objects, all of whose rows come at once.
    whole_lists: HashSet<String>,
}

/// The scalar whose values are whole payloads.
const PAYLOAD_SCALAR: &str = "JSON";

/// What limits how many rows of a list come.
const PAGE_ARGUMENTS: [&str; 2] = ["first", "last"];

/// Lists that are pages of a connection, which says how long they are.
const ROWS: [&str; 2] = ["nodes", "edges"];

/// A list that many things have.
#[derive(Debug, Clone, Copy, Default)]
struct List {
    owners: usize,
    total: usize,
    longest: usize,
}

impl List {
    fn of(&mut self, length: usize) {
        self.owners += 1;
        self.total += length;
        self.longest = self.longest.max(length);
    }

    /// Of all that have one, at the least that is a whole number.
    fn mean(self) -> usize {
        self.total.div_ceil(self.owners.max(1)).max(1)
    }
}

/// Which part of the schema a field is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// No part of it: the field is one of the data.
    Data,
    /// `__schema` itself.
    Schema,
    /// Every type, once each.
    Types,
    /// Every field of every type, once each.
    Fields,
    /// Any type, field or argument.
    Any,
}

impl Part {
    /// Whether it is part of the schema.
    pub(super) fn is_schema(self) -> bool {
        self != Self::Data
    }

    /// Which part a field leads to.
    pub(super) fn inside(self, field: &str) -> Self {
        match (self, field) {
            (Self::Data, "__schema") => Self::Schema,
            (Self::Data, "__type") => Self::Any,
            (Self::Data, _) => Self::Data,
            (Self::Schema, "types") => Self::Types,
            (Self::Types, "fields") => Self::Fields,
            _ => Self::Any,
        }
    }
}

impl Shape {
    /// The shape of the schema that is written so (SDL).
    pub(in crate::ingress::graphql) fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("the schema's own text is a schema");
        let mut shape = Self { types: BUILT_IN_TYPES, ..Self::default() };
        let scalars: HashSet<String> = document
            .definitions
            .iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) if matches!(definition.node.kind, TypeKind::Scalar) => {
                    Some(definition.node.name.node.to_string())
                }
                _ => None,
            })
            .collect();
        for definition in document.definitions {
            let definition = match definition {
                TypeSystemDefinition::Type(definition) => definition.node,
                TypeSystemDefinition::Directive(_) => {
                    shape.directives += 1;
                    continue;
                }
                TypeSystemDefinition::Schema(_) => continue,
            };
            shape.types += 1;
            match definition.kind {
                TypeKind::Object(object) => {
                    object.fields.iter().for_each(|field| shape.price(&field.node, &scalars));
                    shape.fields_of(object.fields.iter().map(|f| f.node.arguments.len()));
                }
                TypeKind::Interface(interface) => {
                    interface.fields.iter().for_each(|field| shape.price(&field.node, &scalars));
                    shape.fields_of(interface.fields.iter().map(|f| f.node.arguments.len()));
                }
                TypeKind::Enum(values) => shape.values.of(values.values.len()),
                TypeKind::InputObject(input) => shape.input_fields.of(input.fields.len()),
                TypeKind::Union(union) => shape.possible.of(union.members.len()),
                TypeKind::Scalar => {}
            }
        }
        shape.fields.longest = shape.fields.longest.max(BUILT_IN_FIELDS);
        shape
    }

    /// Notes a field that has a price of its own.
    fn price(&mut self, field: &FieldDefinition, scalars: &HashSet<String>) {
        let name = field.name.node.as_str();
        let mut base = &field.ty.node.base;
        let mut is_list = false;
        let leaf = loop {
            match base {
                BaseType::Named(leaf) => break leaf.as_str(),
                BaseType::List(inner) => (base, is_list) = (&inner.base, true),
            }
        };
        if leaf == PAYLOAD_SCALAR {
            self.payloads.insert(name.to_owned());
        }
        let paged = field.arguments.iter().any(|argument| PAGE_ARGUMENTS.contains(&argument.node.name.node.as_str()));
        if is_list && !paged && !ROWS.contains(&name) && !scalars.contains(leaf) {
            self.whole_lists.insert(name.to_owned());
        }
    }

    /// Whether a field of that name holds a payload, of up to a quarter of a megabyte.
    pub(super) fn is_payload(&self, field: &str) -> bool {
        self.payloads.contains(field)
    }

    /// Whether a field of that name is a list of objects that comes as a whole.
    pub(super) fn is_whole_list(&self, field: &str) -> bool {
        self.whole_lists.contains(field)
    }

    /// The names of all lists of objects that come as a whole.
    #[cfg(test)]
    pub(super) fn whole_list_names(&self) -> impl Iterator<Item = &str> {
        self.whole_lists.iter().map(String::as_str)
    }

    fn fields_of(&mut self, arguments: impl ExactSizeIterator<Item = usize>) {
        self.fields.of(arguments.len());
        arguments.for_each(|count| self.arguments.of(count));
    }

    /// How many values a field of this part has.
    pub(super) fn length(&self, part: Part, field: &str) -> usize {
        let list = |list: List| match part {
            Part::Types | Part::Fields => list.mean(),
            _ => list.longest.max(1),
        };
        match field {
            "types" if part == Part::Schema => self.types,
            "directives" if part == Part::Schema => self.directives + BUILT_IN_TYPES,
            "fields" => list(self.fields),
            "args" => list(self.arguments),
            "inputFields" => list(self.input_fields),
            "enumValues" | "locations" => list(self.values),
            // An interface may have any type.
            "possibleTypes" | "interfaces" if part != Part::Types => self.types,
            _ => 1,
        }
    }
}
