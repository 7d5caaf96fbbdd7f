//! Merges fields with the same response name (sections 5.3.2 and 6.3.2 of the specification).
//!
//! The library executes each one separately and joins the results: a mutation would be executed twice, and lists that
//! changed in between would be mixed.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, ServerError};

use super::types::Types;

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Joins fields that stand in one place under one name and ask for the same. What asks for something else under a name
/// that is taken is left for the library, which refuses it.
pub(super) fn fold(document: &mut ExecutableDocument, types: &Types) {
    let ExecutableDocument { operations, fragments } = document;
    match operations {
        DocumentOperations::Single(operation) => fold_operation(&mut operation.node, fragments, types),
        DocumentOperations::Multiple(operations) => {
            operations.values_mut().for_each(|operation| fold_operation(&mut operation.node, fragments, types));
        }
    }
    fragments.values_mut().for_each(|fragment| fold_set(&mut fragment.node.selection_set.node));
}

fn fold_operation(operation: &mut OperationDefinition, fragments: &Fragments, types: &Types) {
    let (set, root) = (&mut operation.selection_set.node, types.root(operation.ty));
    match operation.ty {
        OperationType::Query => {}
        OperationType::Mutation => unwrap(set, root),
        OperationType::Subscription => {
            unwrap(set, root);
            surface(set, fragments, root);
        }
    }
    fold_set(set);
}

/// Puts what stands in fragments without a name, which hold for the whole operation, in their place.
fn unwrap(set: &mut SelectionSet, root: &str) {
    let mut items = Vec::with_capacity(set.items.len());
    for item in std::mem::take(&mut set.items) {
        match item.node {
            Selection::InlineFragment(mut fragment)
                if fragment.node.directives.is_empty()
                    && fragment.node.type_condition.as_ref().is_none_or(|on| on.node.on.node == root) =>
            {
                unwrap(&mut fragment.node.selection_set.node, root);
                items.append(&mut fragment.node.selection_set.node.items);
            }
            node => items.push(Positioned::new(node, item.pos)),
        }
    }
    set.items = items;
}

/// Lets the fields of fragments stand at the top as well: the library follows only what stands there, and passes the
/// fragments by.
fn surface(set: &mut SelectionSet, fragments: &Fragments, root: &str) {
    let mut found = Vec::new();
    for item in &set.items {
        if let Selection::FragmentSpread(spread) = &item.node
            && spread.node.directives.is_empty()
            && let Some(fragment) = fragments.get(&spread.node.fragment_name.node)
        {
            let mut inner = fragment.node.selection_set.node.clone();
            unwrap(&mut inner, root);
            surface(&mut inner, fragments, root);
            found.extend(inner.items.into_iter().filter(|item| matches!(item.node, Selection::Field(_))));
        }
    }
    set.items.append(&mut found);
}

fn fold_set(set: &mut SelectionSet) {
    let mut places: HashMap<Name, usize> = HashMap::new();
    let mut items: Vec<Positioned<Selection>> = Vec::with_capacity(set.items.len());
    for item in std::mem::take(&mut set.items) {
        let Positioned { pos, node } = item;
        let Selection::Field(field) = node else {
            items.push(Positioned::new(node, pos));
            continue;
        };
        let key = field.node.response_key().node.clone();
        if let Some(place) = places.get(&key)
            && let Selection::Field(earlier) = &mut items[*place].node
            && asks_the_same(&earlier.node, &field.node)
        {
            earlier.node.selection_set.node.items.extend(field.node.selection_set.node.items);
        } else {
            places.entry(key).or_insert(items.len());
            items.push(Positioned::new(Selection::Field(field), pos));
        }
    }
    for item in &mut items {
        match &mut item.node {
            Selection::Field(field) => fold_set(&mut field.node.selection_set.node),
            Selection::InlineFragment(fragment) => fold_set(&mut fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => {}
        }
    }
    set.items = items;
}

fn asks_the_same(one: &Field, other: &Field) -> bool {
    let same_arguments = one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            other.arguments.iter().any(|(its, given)| its.node == name.node && given.node == value.node)
        });
    // A field without a selection is a leaf, or a mistake that must stay one.
    let same_shape = one.selection_set.node.items.is_empty() == other.selection_set.node.items.is_empty();
    one.name.node == other.name.node
        && same_arguments
        && same_shape
        && one.directives.is_empty()
        && other.directives.is_empty()
}

/// A field at the top of a mutation, found through its fragments as well, whose name in the answer is taken: it would be
/// executed twice.
pub(super) fn twice(document: &ExecutableDocument, set: &SelectionSet) -> Option<ServerError> {
    let (name, at) = find_twice(document, set, &mut HashSet::new())?;
    let message = format!(
        "`{name}` stands at the top of this mutation more than once; write it once, with all that is asked of it, or give \
         each an alias"
    );
    Some(ServerError::new(message, Some(at)))
}

fn find_twice<'q>(
    document: &'q ExecutableDocument,
    set: &'q SelectionSet,
    taken: &mut HashSet<&'q Name>,
) -> Option<(&'q Name, Pos)> {
    set.items.iter().find_map(|item| match &item.node {
        Selection::Field(field) => {
            let key = &field.node.response_key().node;
            (!taken.insert(key)).then_some((key, field.pos))
        }
        Selection::InlineFragment(fragment) => find_twice(document, &fragment.node.selection_set.node, taken),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node)?;
            find_twice(document, &fragment.node.selection_set.node, taken)
        }
    })
}
