//! Enums whose variants each have one public name, used in tables, JSON and messages.

/// Declares an enum with named variants. A name is given once, beside its variant, so writing and reading cannot
/// differ.
macro_rules! named {
    ($(#[$about:meta])* pub enum $Enum:ident { $($(#[$each:meta])* $Variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $Enum { $($(#[$each])* $Variant,)+ }

        impl $Enum {
            /// All variants, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// The public name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name),+ }
            }

            /// The variant with this name, if any.
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
