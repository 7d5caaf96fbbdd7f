//! The definition of a database table: columns with the types of their values.
//!
//! [`table!`] declares a table together with its row type: names, order, writing and reading all follow from one list.
//! `migrations/` has the same names, which a contract test compares.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use domain::function::event::{Share, Source};
use domain::function::made::ImageFacts;
use domain::function::{self, BuildStatus, OfferedFolder};
use domain::manifest::Mode;
use domain::run::{self, LetterStatus};
use domain::{Id, Json};
use uuid::Uuid;

use super::error::Error;
use super::sql::{Cells, Row, without_zero};

/// The database type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
}

/// A column, for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether the column may be NULL.
    pub nullable: bool,
}

impl Column {
    /// The column that holds a `T`.
    pub const fn of<T: Field>(name: &'static str) -> Self {
        Self { name, kind: T::KIND, nullable: T::NULLABLE }
    }
}

/// A table, for writing.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    /// The key by which rows replace each other; empty: rows are never replaced.
    pub key: &'static [&'static str],
    /// Columns that keep their first value.
    pub kept: &'static [&'static str],
    /// Columns that an older server does not know and leaves empty.
    pub late: &'static [&'static str],
}

impl Table {
    /// A table whose rows are only inserted.
    pub const fn new(name: &'static str, columns: &'static [Column]) -> Self {
        Self { name, columns, key: &[], kept: &[], late: &[] }
    }

    /// Makes rows with the same key replace each other.
    pub const fn keyed(self, key: &'static [&'static str]) -> Self {
        Self { key, ..self }
    }

    /// The columns' names, for `SELECT` and `INSERT`.
    pub fn names(&self, prefix: &str) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| format!("{prefix}{}", column.name)).collect();
        names.join(", ")
    }

    /// The clause for a row whose key exists already.
    pub fn on_conflict(&self) -> String {
        if self.key.is_empty() {
            return String::new();
        }
        let names = self.columns.iter().map(|column| column.name);
        let replaced = names.filter(|name| !self.key.contains(name) && !self.kept.contains(name));
        let set: Vec<_> = replaced.map(|name| format!("{name} = excluded.{name}")).collect();
        format!(" ON CONFLICT ({}) DO UPDATE SET {}", self.key.join(", "), set.join(", "))
    }
}

/// The value in a column of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// A type that a column can hold.
pub(super) trait Field: Sized {
    const KIND: Kind;
    const NULLABLE: bool = false;

    /// Its stored form.
    fn cell(&self) -> Cell<'_>;

    /// Reads the next cell.
    ///
    /// # Errors
    /// When the value has another form: the table is damaged.
    fn read(cells: &mut Cells<'_>) -> Result<Self, Error>;
}

/// A row type with a table.
pub(super) trait Stored: Sized {
    const TABLE: &'static Table;

    /// Writes the row, column by column.
    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>);

    /// Reads a row that was selected by [`Table::names`].
    ///
    /// # Errors
    /// When the row is damaged.
    fn read(row: &Row) -> Result<Self, Error>;
}

/// Declares a row and its table: `field: Type`, and the column's name if it differs.
macro_rules! table {
    (
        $(#[$about:meta])*
        pub struct $Row:ident in $TABLE:ident ($table:literal), key $key:expr $(, kept $kept:expr)? $(, late $late:expr)?;
        $($(#[$each:meta])* $field:ident: $Type:ty $(= $column:literal)?,)+
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Row { $($(#[$each])* pub $field: $Type,)+ }

        pub(super) const $TABLE: Table = Table {
            $(kept: &$kept,)?
            $(late: &$late,)?
            ..Table::new($table, &[$(Column::of::<$Type>(table!(@name $field $($column)?))),+]).keyed(&$key)
        };

        impl Stored for $Row {
            const TABLE: &'static Table = &$TABLE;

            fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
                out.extend([$(self.$field.cell()),+]);
            }

            fn read(row: &super::sql::Row) -> Result<Self, Error> {
                let mut cells = row.cells();
                Ok(Self { $($field: Field::read(&mut cells)?),+ })
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $column:literal) => { $column };
}

pub(super) use table;

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;

    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(Cell::Null, Field::cell)
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        if cells.skip_null()? { Ok(None) } else { T::read(cells).map(Some) }
    }
}

impl Field for u64 {
    const KIND: Kind = Kind::Int;

    fn cell(&self) -> Cell<'_> {
        // Positions, versions and sizes stay far below 2^63.
        Cell::Int(self.cast_signed())
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        cells.number()
    }
}

/// Smaller numbers.
macro_rules! numbers {
    ($($Type:ty),+) => {$(
        impl Field for $Type {
            const KIND: Kind = Kind::Int;

            fn cell(&self) -> Cell<'_> {
                Cell::Int((*self).into())
            }

            fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
                cells.number()
            }
        }
    )+};
}

numbers!(u32, u16, i32);

impl Field for bool {
    const KIND: Kind = Kind::Int;

    fn cell(&self) -> Cell<'_> {
        Cell::Int((*self).into())
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        Ok(cells.int()? != 0)
    }
}

impl Field for DateTime<Utc> {
    const KIND: Kind = Kind::Int;

    fn cell(&self) -> Cell<'_> {
        Cell::Int(self.timestamp_micros())
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        cells.time()
    }
}

impl Field for String {
    const KIND: Kind = Kind::Text;

    fn cell(&self) -> Cell<'_> {
        text(self)
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        cells.text()
    }
}

impl Field for Uuid {
    const KIND: Kind = Kind::Text;

    fn cell(&self) -> Cell<'_> {
        let mut buffer = Uuid::encode_buffer();
        Cell::Text(Cow::Owned(self.hyphenated().encode_lower(&mut buffer).to_owned()))
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        cells.uuid()
    }
}

impl<T> Field for Id<T> {
    const KIND: Kind = Kind::Text;

    fn cell(&self) -> Cell<'_> {
        let mut buffer = Uuid::encode_buffer();
        Cell::Text(Cow::Owned(self.uuid().hyphenated().encode_lower(&mut buffer).to_owned()))
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        cells.id()
    }
}

impl Field for Vec<u8> {
    const KIND: Kind = Kind::Bytes;

    fn cell(&self) -> Cell<'_> {
        Cell::Bytes(Cow::Borrowed(self))
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        cells.bytes().map(<[u8]>::to_vec)
    }
}

impl Field for Json {
    const KIND: Kind = Kind::Text;

    fn cell(&self) -> Cell<'_> {
        text(self.get())
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        cells.json()
    }
}

/// Implements [`Field`] for types stored as JSON.
macro_rules! json {
    ($($Type:ty),+) => {$(
        impl Field for $Type {
            const KIND: Kind = Kind::Text;

            fn cell(&self) -> Cell<'_> {
                Cell::Text(Cow::Owned(serde_json::to_string(self).expect("rows serialise")))
            }

            fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
                cells.json()
            }
        }
    )+};
}

json!(Source, Vec<Share>, ImageFacts);

impl Field for Vec<OfferedFolder> {
    const KIND: Kind = Kind::Text;
    const NULLABLE: bool = true;

    fn cell(&self) -> Cell<'_> {
        if self.is_empty() {
            return Cell::Null;
        }
        Cell::Text(Cow::Owned(serde_json::to_string(self).expect("rows serialise")))
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        Ok(cells.opt_json()?.unwrap_or_default())
    }
}

/// Implements [`Field`] for types stored by name. Any other name, written by a newer server or by hand, is an error.
macro_rules! named {
    ($($Type:ty: $what:literal),+ $(,)?) => {$(
        impl Field for $Type {
            const KIND: Kind = Kind::Text;

            fn cell(&self) -> Cell<'_> {
                Cell::Text(Cow::Borrowed(self.name()))
            }

            fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
                let name = cells.str()?;
                Self::named(name).ok_or_else(|| Error::Damaged(format!("`{name}` is not {}", $what)))
            }
        }
    )+};
}

named! {
    function::Status: "a function's state",
    BuildStatus: "a build's state",
    run::Status: "a run's state",
    LetterStatus: "a dead letter's state",
}

impl Field for Mode {
    const KIND: Kind = Kind::Text;

    fn cell(&self) -> Cell<'_> {
        Cell::Text(Cow::Borrowed(mode_name(*self)))
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, Error> {
        match cells.str()? {
            "SERVICE" => Ok(Self::Service),
            "JOB" => Ok(Self::Job),
            name => Err(Error::Damaged(format!("`{name}` is not a mode"))),
        }
    }
}

/// A mode as stored in a function's row.
pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Service => "SERVICE",
        Mode::Job => "JOB",
    }
}

/// A text in its stored form.
pub(super) fn text(text: &str) -> Cell<'_> {
    Cell::Text(without_zero(text))
}
