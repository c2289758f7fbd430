//! Types in other languages.

use storage_wire::{Field, Plain, Type};

/// A type as an expression of the JavaScript library.
pub(crate) fn javascript(ty: &Type) -> String {
    let fields = |fields: &[Field]| {
        let fields = fields.iter().map(|field| format!("{:?}: {}", name(field), javascript(field.ty)));
        fields.collect::<Vec<_>>().join(", ")
    };
    match ty {
        Type::Plain(plain) => format!("IDL.{plain:?}"),
        Type::Opt(ty) => format!("IDL.Opt({})", javascript(ty)),
        Type::Vec(ty) => format!("IDL.Vec({})", javascript(ty)),
        Type::Record(members) if is_tuple(members) => {
            let parts: Vec<_> = members.iter().map(|field| javascript(field.ty)).collect();
            format!("IDL.Tuple({})", parts.join(", "))
        }
        Type::Record(members) => format!("IDL.Record({{{}}})", fields(members)),
        Type::Variant(cases) => format!("IDL.Variant({{{}}})", fields(cases)),
    }
}

/// A type as Motoko has it.
pub(crate) fn motoko(ty: &Type) -> String {
    match ty {
        Type::Plain(Plain::Null) => "Null".into(),
        Type::Plain(Plain::Float64) => "Float".into(),
        Type::Plain(plain) => format!("{plain:?}"),
        Type::Opt(ty) => format!("?{}", motoko(ty)),
        Type::Vec(Type::Plain(Plain::Nat8)) => "Blob".into(),
        Type::Vec(ty) => format!("[{}]", motoko(ty)),
        Type::Record(fields) if is_tuple(fields) => {
            format!("({})", fields.iter().map(|field| motoko(field.ty)).collect::<Vec<_>>().join(", "))
        }
        Type::Record(fields) => {
            let fields = fields.iter().map(|field| format!("{} : {}", name(field), motoko(field.ty)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join("; "))
        }
        Type::Variant(cases) => {
            let cases = cases.iter().map(|case| match case.ty {
                Type::Plain(Plain::Null) => format!("#{}", name(case)),
                ty => format!("#{} : {}", name(case), motoko(ty)),
            });
            format!("{{ {} }}", cases.collect::<Vec<_>>().join("; "))
        }
    }
}

fn is_tuple(fields: &[Field]) -> bool {
    !fields.is_empty() && fields.iter().all(|field| field.name.is_empty())
}

fn name(field: &Field) -> &'static str {
    field.name
}
