//! Checks values before execution: variables by section 6.1.2 of the specification, literals by 5.6.
//!
//! The library checks each value where it is used, during execution: a mutation would be executed up to the first
//! invalid one.

use std::collections::HashSet;

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, VariableDefinition,
};
use async_graphql::{Name, Pos, ServerError, Variables};
use async_graphql_value::ConstValue;

use super::types::{Misfit, Types};

/// Misfits of one request that are reported.
const MAX_MISFITS: usize = 20;

/// What does not fit in a request: the values of its variables, and those that its operation contains.
pub(super) fn misfits(
    types: &Types,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Vec<ServerError> {
    let mut found = Vec::new();
    for definition in &operation.variable_definitions {
        let (definition, at) = (&definition.node, definition.pos);
        found.extend(variable(types, definition, variables).err().map(|message| ServerError::new(message, Some(at))));
    }
    let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
    let strict = definitions.filter(|definition| {
        let default = definition.default_value.as_ref().map(|value| &value.node);
        !definition.var_type.node.nullable || default.is_some_and(|value| *value != ConstValue::Null)
    });
    let strict = strict.map(|definition| &definition.name.node).collect();
    let mut walk = Walk { types, document, strict, seen: HashSet::new(), found };
    walk.set(types.root(operation.ty), &operation.selection_set.node);
    walk.found.truncate(MAX_MISFITS);
    walk.found
}

fn variable(types: &Types, definition: &VariableDefinition, variables: &Variables) -> Result<(), String> {
    let (name, ty) = (&definition.name.node, &definition.var_type.node);
    match (variables.get(name), &definition.default_value) {
        (Some(value), _) => types
            .check(value, ty, &HashSet::new())
            .map_err(|Misfit { place, problem }| format!("the variable `${name}{place}` {problem}")),
        (None, None) if !ty.nullable => {
            Err(format!("the variable `${name}` of type `{ty}` is missing; give it in `variables`"))
        }
        (None, _) => Ok(()),
    }
}

/// Walks an operation, each of its fragments once: in a time that grows with its text.
struct Walk<'q> {
    types: &'q Types,
    document: &'q ExecutableDocument,
    /// The variables that are never null, or have a default that is not.
    strict: HashSet<&'q Name>,
    seen: HashSet<&'q Name>,
    found: Vec<ServerError>,
}

impl<'q> Walk<'q> {
    /// How deep sets are within each other is known to be bounded: the query was weighed.
    fn set(&mut self, parent: &str, set: &'q SelectionSet) {
        for item in &set.items {
            if self.found.len() >= MAX_MISFITS {
                return;
            }
            match &item.node {
                Selection::Field(field) => self.field(parent, &field.node),
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map_or(parent, |on| on.node.on.node.as_str());
                    self.set(on, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let Some((name, fragment)) = self.document.fragments.get_key_value(&spread.node.fragment_name.node)
                    else {
                        continue;
                    };
                    if self.seen.insert(name) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.set(on, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn field(&mut self, parent: &str, field: &'q Field) {
        let Some(known) = self.types.field(parent, &field.name.node) else { return };
        for (name, value) in &field.arguments {
            let Some(argument) = known.arguments.iter().find(|argument| argument.name == name.node) else { continue };
            if let Err(Misfit { place, problem }) = self.types.check_argument(&value.node, argument, &self.strict) {
                self.misfit(
                    value.pos,
                    format!("the argument `{}{place}` of `{}` {problem}", name.node, field.name.node),
                );
            }
        }
        let of = known.of.clone();
        self.set(&of, &field.selection_set.node);
    }

    fn misfit(&mut self, at: Pos, message: String) {
        self.found.push(ServerError::new(message, Some(at)));
    }
}
