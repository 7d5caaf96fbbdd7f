//! Computes the cost of a query with its fragments expanded.
//!
//! The cost of a fragment is computed once and remembered, so the time is linear in the text, whatever the numbers are.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::bounds::{MAX_DIRECTIVES, MAX_RECURSION};
use super::introspection::{Part, Shape};
use crate::ingress::graphql::relay::DEFAULT_PAGE;

/// A page of so many costs as much as one of what it holds.
pub(super) const PAGE_UNIT: usize = 5;

/// Finding whom an event reached costs so many times what is asked of each function.
const REACH: usize = 50;

/// A list that comes as a whole is taken to have so many rows; [`LONG_LISTS`] names those that mostly have more.
const LIST_ROWS: u32 = 10;

/// Lists that come as a whole and are longer, and the rows that they are taken to have. What a version's files take of memory
/// and of the disk's time is counted when they are read, and so is the memory of members, namespaces and secrets.
const LONG_LISTS: [(&str, u32); 6] = [
    ("engineImages", 500),
    ("files", 50),
    ("members", 1_000),
    ("namespaces", 100),
    ("offeredFolders", 30),
    ("secrets", 1_000),
];

/// Fields that are computed, and how many times as much as a field that is read they cost.
const COMPUTED: [(&str, usize); 5] =
    [("fireTimes", 20), ("nextFireTimes", 20), ("reachTotals", 10), ("offeredFolders", 20), ("usage", 20)];

/// Arguments that make the server look at rows which it does not return, and what each costs.
const SEARCHING: [(&str, usize); 3] = [("eventType", 20), ("buildFailed", 20), ("idPrefix", 20)];

/// A payload costs as much as so many fields.
const PAYLOAD: usize = 20;

/// A mutation costs as much as so many fields.
const MUTATION: usize = 50;

/// Fields, arguments, values and directives of all operations and fragments together, each counted as often as
/// fragments put it somewhere: what the library walks over.
const MAX_SIZE: usize = 10_000;

/// So many bytes of a text in a query count as one value.
const SIZE_UNIT: usize = 64;

/// Operations in one request, of which one is done.
const MAX_OPERATIONS: usize = 50;

/// Variables of one operation.
const MAX_VARIABLES: usize = 100;

/// Arguments of one field.
const MAX_ARGUMENTS: usize = 32;

/// Bytes of variables that a request may have the library copy: it does so wherever a variable stands. A single large
/// variable that stands in a few places is always taken.
const MAX_COPIED: usize = 16 << 20;

/// How often all variables together may be copied in any case.
const ALWAYS_COPIED: usize = 4;

/// Bytes that a value takes beside its text.
const VALUE: usize = 32;

/// What an operation, or a part of it, is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spent {
    /// Levels of fields.
    pub depth: usize,
    /// Fields, as often as they are fetched.
    pub cost: usize,
    /// Values of an answer about the schema.
    pub schema: usize,
    /// Levels that the library walks down, those of fragments included.
    levels: usize,
    /// What the library walks over.
    size: usize,
    /// Bytes of variables that it copies.
    copied: usize,
    /// Fields at its top.
    fields: usize,
    /// Whether it has the rows of a page at its top.
    rows: bool,
}

/// Why a query is not weighed to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    TooDeep,
    TooMuch(String),
    Wrong(String),
}

impl Spent {
    fn and(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            cost: self.cost.saturating_add(other.cost),
            schema: self.schema.saturating_add(other.schema),
            levels: self.levels.max(other.levels),
            size: self.size.saturating_add(other.size),
            copied: self.copied.saturating_add(other.copied),
            fields: self.fields.saturating_add(other.fields),
            rows: self.rows || other.rows,
        }
    }

    /// The same, one level of the library's walk further down.
    fn below(self) -> Self {
        Self { levels: self.levels + 1, size: self.size.saturating_add(1), ..self }
    }
}

struct Scales<'q> {
    document: &'q ExecutableDocument,
    variables: &'q Variables,
    shape: &'q Shape,
    /// Bytes of each variable, of its value or its default.
    bytes: HashMap<&'q str, usize>,
    /// The operation that is weighed.
    operation: Option<&'q OperationDefinition>,
    /// `None` while a fragment is being weighed: one that is met again then contains itself.
    fragments: HashMap<(&'q Name, Part), Option<Spent>>,
}

/// What each operation costs.
///
/// # Errors
/// When a query is too large for anything to be done with it.
pub(super) fn weigh(
    document: &ExecutableDocument,
    variables: &Variables,
    shape: &Shape,
) -> Result<Vec<Spent>, Refused> {
    let operations = document.operations.iter().count();
    if operations > MAX_OPERATIONS {
        let message = format!("the query has {operations} operations, the most that is taken is {MAX_OPERATIONS}");
        return Err(Refused::TooMuch(message));
    }
    let (bytes, all_bytes) = bytes_of_variables(document, variables);
    let mut scales = Scales { document, variables, shape, bytes, operation: None, fragments: HashMap::new() };
    let may_copy = MAX_COPIED.max(all_bytes.saturating_mul(ALWAYS_COPIED));
    let mut all = Spent::default();
    // The library checks each fragment by itself, spread or not.
    for (name, fragment) in &document.fragments {
        let directives = scales.directives(&fragment.node.directives)?;
        all = all.and(directives).and(scales.fragment(name, Part::Data, 0)?);
        within(all, may_copy)?;
    }
    let mut weighed = Vec::with_capacity(operations);
    for (_, operation) in document.operations.iter() {
        let spent = scales.operation(&operation.node)?;
        all = all.and(spent);
        within(all, may_copy)?;
        weighed.push(spent);
    }
    Ok(weighed)
}

fn within(all: Spent, may_copy: usize) -> Result<(), Refused> {
    if all.size > MAX_SIZE {
        let message = format!(
            "the query has {} fields, arguments and values when its fragments are put where they are spread, the most \
             that is taken is {MAX_SIZE}",
            all.size
        );
        return Err(Refused::TooMuch(message));
    }
    if all.copied > may_copy {
        let message = format!(
            "the query uses large variables too often: {} bytes in all, the most that is taken is {may_copy}",
            all.copied
        );
        return Err(Refused::TooMuch(message));
    }
    Ok(())
}

/// Bytes of each variable, and of all that were given together.
fn bytes_of_variables<'q>(
    document: &'q ExecutableDocument,
    variables: &'q Variables,
) -> (HashMap<&'q str, usize>, usize) {
    let mut bytes: HashMap<&str, usize> =
        variables.iter().map(|(name, value)| (name.as_str(), bytes_of(value))).collect();
    let all = bytes.values().fold(0usize, |sum, bytes| sum.saturating_add(*bytes));
    for (_, operation) in document.operations.iter() {
        for definition in &operation.node.variable_definitions {
            let default = definition.node.default_value.as_ref().map_or(0, |value| bytes_of(&value.node));
            let known = bytes.entry(definition.node.name.node.as_str()).or_default();
            *known = (*known).max(default);
        }
    }
    (bytes, all)
}

/// Bytes of memory, roughly, that a request takes as long as it goes on: its text as the parser made it, and its variables.
pub(in crate::ingress::graphql) fn held(query: &str, variables: &Variables) -> usize {
    const OF_TEXT: usize = 20;
    const OF_VALUES: usize = 6;
    let values = variables.values().map(bytes_of).fold(0, usize::saturating_add);
    query.len().saturating_mul(OF_TEXT).saturating_add(values.saturating_mul(OF_VALUES))
}

/// Bytes that a value takes. Values have a depth that is bounded: the readers of JSON and of queries see to it.
fn bytes_of(value: &ConstValue) -> usize {
    let inner = match value {
        ConstValue::String(text) => text.len(),
        ConstValue::Enum(name) => name.len(),
        ConstValue::Binary(bytes) => bytes.len(),
        ConstValue::List(items) => items.iter().map(bytes_of).fold(0, usize::saturating_add),
        ConstValue::Object(fields) => {
            fields.iter().map(|(name, value)| name.len().saturating_add(bytes_of(value))).fold(0, usize::saturating_add)
        }
        ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) => 0,
    };
    inner.saturating_add(VALUE)
}

impl<'q> Scales<'q> {
    fn operation(&mut self, operation: &'q OperationDefinition) -> Result<Spent, Refused> {
        let defined = operation.variable_definitions.len();
        if defined > MAX_VARIABLES {
            let message = format!("an operation has {defined} variables, the most that is taken is {MAX_VARIABLES}");
            return Err(Refused::TooMuch(message));
        }
        // How long a page is may be a variable, whose default is the operation's.
        if self.operation.is_some() || defined > 0 {
            self.fragments.clear();
        }
        self.operation = Some(operation);
        let mut spent =
            self.directives(&operation.directives)?.and(self.set(&operation.selection_set.node, Part::Data, 0)?);
        for definition in &operation.variable_definitions {
            let directives = definition.node.directives.len();
            check_directives(directives)?;
            let default = definition.node.default_value.as_ref().map_or(0, |value| bytes_of(&value.node) / VALUE);
            spent.size = spent.size.saturating_add(default).saturating_add(directives + 1);
        }
        match operation.ty {
            OperationType::Query => {}
            OperationType::Mutation => spent.cost = spent.cost.saturating_add(spent.fields.saturating_mul(MUTATION)),
            // Each field would be followed by itself, and none of them counted.
            OperationType::Subscription if spent.fields > 1 => {
                let message = format!("a subscription has one field, this one has {}", spent.fields);
                return Err(Refused::Wrong(message));
            }
            OperationType::Subscription => {}
        }
        Ok(spent)
    }

    fn set(&mut self, set: &'q SelectionSet, part: Part, level: usize) -> Result<Spent, Refused> {
        if level > MAX_RECURSION {
            return Err(Refused::TooDeep);
        }
        let mut sum = Spent::default();
        for item in &set.items {
            let one = match &item.node {
                Selection::Field(field) => self.field(&field.node, part, level)?,
                Selection::InlineFragment(fragment) => {
                    let directives = self.directives(&fragment.node.directives)?;
                    self.set(&fragment.node.selection_set.node, part, level + 1)?.below().and(directives)
                }
                Selection::FragmentSpread(spread) => {
                    let directives = self.directives(&spread.node.directives)?;
                    self.fragment(&spread.node.fragment_name.node, part, level + 1)?.below().and(directives)
                }
            };
            sum = sum.and(one);
        }
        Ok(sum)
    }

    fn field(&mut self, field: &'q Field, part: Part, level: usize) -> Result<Spent, Refused> {
        if field.arguments.len() > MAX_ARGUMENTS {
            let message = format!(
                "`{}` has {} arguments, the most that is taken is {MAX_ARGUMENTS}",
                field.name.node,
                field.arguments.len()
            );
            return Err(Refused::TooMuch(message));
        }
        let own = self.arguments(field.arguments.iter().map(|(_, value)| &value.node));
        let own = own.and(self.directives(&field.directives)?);
        let name = field.name.node.as_str();
        let inside = part.inside(name);
        let computed = COMPUTED.iter().find(|(computed, _)| *computed == name).map(|(_, cost)| *cost);
        let searching = SEARCHING.iter().filter(|(argument, _)| field.get_argument(argument).is_some());
        let own_cost = if self.shape.is_payload(name) { PAYLOAD } else { computed.unwrap_or(1) };
        let own_cost = searching.fold(own_cost, |sum, (_, cost)| sum + cost);
        let inner = self.set(&field.selection_set.node, inside, level + 1)?;
        let length = if inside.is_schema() { self.shape.length(part, name) } else { self.pages(field, inner.rows) };
        let spent = Spent {
            depth: inner.depth + 1,
            cost: inner.cost.saturating_mul(if inside.is_schema() { 1 } else { length }).saturating_add(own_cost),
            schema: match inside.is_schema() {
                true => inner.schema.saturating_add(1).saturating_mul(length),
                false => inner.schema,
            },
            // What stands below a page is copied for each of its rows.
            copied: inner.copied.saturating_mul(if length > 1 { length.saturating_mul(PAGE_UNIT) } else { 1 }),
            fields: 1,
            rows: matches!(name, "nodes" | "edges"),
            ..inner.below()
        };
        // What a question about the schema fetches is counted apart.
        let spent = if part.is_schema() { Spent { cost: 0, ..spent } } else { spent };
        Ok(Spent {
            size: spent.size.saturating_add(own.size),
            copied: spent.copied.saturating_add(own.copied),
            ..spent
        })
    }

    fn fragment(&mut self, name: &'q Name, part: Part, level: usize) -> Result<Spent, Refused> {
        match self.fragments.get(&(name, part)) {
            Some(Some(known)) if level + known.levels > MAX_RECURSION => return Err(Refused::TooDeep),
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(Refused::Wrong(format!("the fragment `{name}` contains itself"))),
            None => {}
        }
        // The library says what is wrong with a name that no fragment has.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Spent::default()) };
        self.fragments.insert((name, part), None);
        let spent = self.set(&fragment.node.selection_set.node, part, level)?;
        self.fragments.insert((name, part), Some(spent));
        Ok(spent)
    }

    fn directives(&self, directives: &'q [Positioned<Directive>]) -> Result<Spent, Refused> {
        check_directives(directives.len())?;
        let mut sum = Spent { size: directives.len(), ..Spent::default() };
        for directive in directives {
            if directive.node.arguments.len() > MAX_ARGUMENTS {
                return Err(Refused::TooMuch(format!("a directive has more than {MAX_ARGUMENTS} arguments")));
            }
            sum = sum.and(self.arguments(directive.node.arguments.iter().map(|(_, value)| &value.node)));
        }
        Ok(sum)
    }

    fn arguments(&self, values: impl Iterator<Item = &'q Value>) -> Spent {
        values.fold(Spent::default(), |sum, value| sum.and(self.value(value)))
    }

    fn value(&self, value: &Value) -> Spent {
        let (inner, text) = match value {
            Value::Variable(name) => {
                let copied = self.bytes.get(name.as_str()).copied().unwrap_or_default();
                (Spent { copied, ..Spent::default() }, 0)
            }
            Value::List(items) => (items.iter().fold(Spent::default(), |sum, item| sum.and(self.value(item))), 0),
            Value::Object(fields) => (
                fields.values().fold(Spent::default(), |sum, item| sum.and(self.value(item))),
                fields.keys().map(|name| name.len()).sum(),
            ),
            Value::String(text) => (Spent::default(), text.len()),
            _ => (Spent::default(), 0),
        };
        Spent { size: inner.size.saturating_add(1 + text / SIZE_UNIT), ..inner }
    }

    /// How many times over a field fetches what is asked of it.
    fn pages(&self, field: &Field, rows: bool) -> usize {
        // Who was reached is found by reading the histories of many functions.
        if field.name.node == "reach" {
            return REACH;
        }
        let asked = || ["first", "last"].into_iter().filter_map(|end| field.get_argument(end));
        let rows = match asked().next() {
            // One of them may be a variable that is null; where it is not known which, the longer page counts.
            Some(_) => asked().filter_map(|value| self.number(&value.node)).max().unwrap_or(DEFAULT_PAGE),
            None if rows => DEFAULT_PAGE,
            // Lines come by the hundred when nobody says how many.
            None if field.name.node == "log" => DEFAULT_PAGE,
            None if self.shape.is_whole_list(field.name.node.as_str()) => {
                let long = LONG_LISTS.iter().find(|(name, _)| *name == field.name.node.as_str());
                long.map_or(LIST_ROWS, |(_, rows)| *rows)
            }
            None => return 1,
        };
        usize::try_from(rows).unwrap_or(usize::MAX).div_ceil(PAGE_UNIT).max(1)
    }

    fn number(&self, value: &Value) -> Option<u32> {
        let constant = match value {
            Value::Number(number) => return number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::Variable(name) => self.variables.get(name).or_else(|| {
                let mut definitions = self.operation?.variable_definitions.iter();
                let definition = definitions.find(|definition| definition.node.name.node == *name)?;
                definition.node.default_value.as_ref().map(|value| &value.node)
            })?,
            _ => return None,
        };
        match constant {
            ConstValue::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        }
    }
}

fn check_directives(count: usize) -> Result<(), Refused> {
    match count <= MAX_DIRECTIVES {
        true => Ok(()),
        false => {
            let message = format!("{count} directives stand in one place, the most that is taken is {MAX_DIRECTIVES}");
            Err(Refused::TooMuch(message))
        }
    }
}

#[cfg(test)]
mod tests;
