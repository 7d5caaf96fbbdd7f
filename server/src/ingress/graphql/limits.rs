//! What a query may cost, told before anything of it is done: its depth, and how much it would fetch.
//!
//! A page multiplies what it holds, so that a list of lists of lists costs what it would fetch. Fragments are counted
//! once and remembered: a query whose fragments multiply costs no time to refuse.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextValidation};
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, ServerError, ServerResult, ValidationResult, Value as ConstValue, Variables};
use async_graphql_value::Value;
use async_trait::async_trait;

use super::relay::DEFAULT_PAGE;
use crate::config;

/// Directives on one field.
pub(super) const MAX_DIRECTIVES: usize = 8;

/// Levels that the parser walks down at all.
pub(super) const MAX_RECURSION: usize = 64;

/// Bytes of a query's text.
const MAX_QUERY: usize = 64 << 10;

/// A page of so many costs as much as one of what it holds.
const PAGE_UNIT: usize = 5;

/// Telling whom an event reached costs so many times what is asked of each function.
const REACH: usize = 20;

/// A mutation costs as much as so many fields.
const MUTATION: usize = 50;

/// Refuses what costs too much, and gives every refusal a code.
pub(super) struct Limits {
    depth: usize,
    cost: usize,
}

impl Limits {
    pub(super) fn new(limits: &config::Limits) -> Self {
        Self { depth: limits.depth, cost: limits.complexity }
    }
}

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self { ..*self })
    }
}

#[async_trait]
impl Extension for Limits {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if query.len() > MAX_QUERY {
            let message = format!("the query has {} bytes, the most that is taken is {MAX_QUERY}", query.len());
            return Err(coded("query_too_complex", message));
        }
        let document = next.run(ctx, query, variables).await.map_err(|mut error| {
            if error.message.contains("recursion limit") {
                return coded("query_too_deep", too_deep(self.depth, None));
            }
            error.message = format!("the query cannot be read: {}", error.message.trim());
            code(error, "bad_query")
        })?;
        for (_, operation) in document.operations.iter() {
            let spent = weigh(&document, variables, &operation.node);
            if spent.depth > self.depth {
                return Err(coded("query_too_deep", too_deep(self.depth, Some(spent.depth))));
            }
            if spent.cost > self.cost {
                let message = format!(
                    "the query costs {} and the most that is taken is {}: ask for fewer fields, or for smaller pages \
                     (a page of {PAGE_UNIT} costs as much as one of what it holds)",
                    spent.cost, self.cost
                );
                return Err(coded("query_too_complex", message));
            }
        }
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(ctx).await.map_err(|errors| errors.into_iter().map(|error| code(error, "bad_query")).collect())
    }
}

fn too_deep(limit: usize, depth: Option<usize>) -> String {
    let depth = depth.map_or_else(|| format!("more than {MAX_RECURSION}"), |depth| depth.to_string());
    format!("the query is {depth} levels deep, the most that is taken is {limit}; split it into several")
}

fn coded(name: &str, message: String) -> ServerError {
    code(ServerError::new(message, None), name)
}

fn code(mut error: ServerError, name: &str) -> ServerError {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", name);
    }
    error
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Spent {
    depth: usize,
    cost: usize,
}

struct Scales<'q> {
    document: &'q ExecutableDocument,
    variables: &'q Variables,
    operation: &'q OperationDefinition,
    /// `None` while a fragment is being weighed: one that contains itself ends there, and is refused later.
    fragments: HashMap<&'q Name, Option<Spent>>,
}

fn weigh(document: &ExecutableDocument, variables: &Variables, operation: &OperationDefinition) -> Spent {
    let mut scales = Scales { document, variables, operation, fragments: HashMap::new() };
    let mut spent = scales.set(&operation.selection_set.node);
    if operation.ty == OperationType::Mutation {
        let fields = operation.selection_set.node.items.len();
        spent.cost = spent.cost.saturating_add(fields.saturating_mul(MUTATION));
    }
    spent
}

impl<'q> Scales<'q> {
    fn set(&mut self, set: &'q SelectionSet) -> Spent {
        set.items.iter().fold(Spent::default(), |sum, item| {
            let one = match &item.node {
                Selection::Field(field) => self.field(&field.node),
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            Spent { depth: sum.depth.max(one.depth), cost: sum.cost.saturating_add(one.cost) }
        })
    }

    fn field(&mut self, field: &'q Field) -> Spent {
        let inner = self.set(&field.selection_set.node);
        let pages = self.pages(field);
        Spent { depth: inner.depth + 1, cost: inner.cost.saturating_mul(pages).saturating_add(1) }
    }

    fn fragment(&mut self, name: &'q Name) -> Spent {
        if let Some(known) = self.fragments.get(name) {
            return known.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Spent::default() };
        self.fragments.insert(name, None);
        let spent = self.set(&fragment.node.selection_set.node);
        self.fragments.insert(name, Some(spent));
        spent
    }

    /// How many times over a field fetches what is asked of it.
    fn pages(&self, field: &Field) -> usize {
        // Who was reached is found by reading the histories of many functions.
        if field.name.node == "reach" {
            return REACH;
        }
        let asked =
            field.get_argument("first").or_else(|| field.get_argument("last")).map(|value| self.number(&value.node));
        let connection = || {
            field.selection_set.node.items.iter().any(|item| {
                matches!(&item.node, Selection::Field(inner) if matches!(inner.node.name.node.as_str(), "nodes" | "edges"))
            })
        };
        let rows = match asked {
            Some(rows) => rows.unwrap_or(DEFAULT_PAGE),
            None if connection() => DEFAULT_PAGE,
            None => return 1,
        };
        usize::try_from(rows).unwrap_or(usize::MAX).div_ceil(PAGE_UNIT).max(1)
    }

    fn number(&self, value: &Value) -> Option<u32> {
        let constant = match value {
            Value::Number(number) => return number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::Variable(name) => self.variables.get(name).or_else(|| {
                let mut definitions = self.operation.variable_definitions.iter();
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

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn spent(query: &str, variables: serde_json::Value) -> Spent {
        let document = parse_query(query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        weigh(&document, &Variables::from_json(variables), &operation.node)
    }

    #[test]
    fn a_page_multiplies_what_it_holds() {
        assert_eq!(spent("{ a { b c } }", json!({})), Spent { depth: 2, cost: 3 });
        assert_eq!(spent("{ a(first: 100) { nodes { b } } }", json!({})).cost, 41);
        assert_eq!(spent("{ a { nodes { b } } }", json!({})).cost, 9);
        assert_eq!(spent("query($n: Int) { a(first: $n) { nodes { b } } }", json!({"n": 50})).cost, 21);
        assert_eq!(spent("query($n: Int = 10) { a(first: $n) { nodes { b } } }", json!({})).cost, 5);
        let lists = "{ a(first: 100) { nodes { b(first: 100) { nodes { log(first: 100) { text } } } } } }";
        assert!(spent(lists, json!({})).cost > 8000);
    }

    #[test]
    fn fragments_count_where_they_are_used() {
        let query = "query { ...a x { ...a } } fragment a on Q { b { c } }";
        assert_eq!(spent(query, json!({})), Spent { depth: 3, cost: 5 });
    }

    #[test]
    fn fragments_that_multiply_are_weighed_at_once() {
        let mut query = "{ ...f0 }".to_owned();
        for i in 0..60 {
            query.push_str(&format!(" fragment f{i} on Q {{ a {{ ...f{} }} b {{ ...f{} }} }}", i + 1, i + 1));
        }
        query.push_str(" fragment f60 on Q { c }");
        let spent = spent(&query, json!({}));
        assert_eq!(spent.depth, 61);
        assert!(spent.cost > 1 << 60);
    }

    #[test]
    fn a_fragment_that_contains_itself_ends() {
        assert_eq!(spent("{ ...a } fragment a on Q { b { ...a } }", json!({})).depth, 1);
    }

    #[test]
    fn a_mutation_costs_more_than_a_look() {
        assert_eq!(spent("mutation { a b }", json!({})).cost, 102);
    }
}
