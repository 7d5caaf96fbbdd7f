//! Enums whose variants each have one name on the outside: in tables, in JSON, in messages.

/// Declares such an enum. The name of a variant stands beside it and nowhere else, so that what is written is what is read.
macro_rules! named {
    ($(#[$about:meta])* pub enum $Enum:ident { $($(#[$each:meta])* $Variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $Enum { $($(#[$each])* $Variant,)+ }

        impl $Enum {
            /// All of them, in the order in which they are declared.
            pub const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// Its name on the outside.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name),+ }
            }

            /// The one with this name, if there is one.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$Variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

pub(crate) use named;
