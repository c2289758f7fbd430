//! Methods of `storage.did` with sample arguments, so that a test over all methods includes new ones.

use candid::{
    IDLArgs, TypeEnv,
    types::{
        Type, TypeInner,
        value::{IDLField, IDLValue, VariantValue},
    },
};
use storage_client::{Transport, TransportError};

/// The contract at the top of the repository.
pub const CONTRACT: &str = include_str!("../../storage.did");

/// Method of the contract, with valid arguments.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name in the contract.
    pub name: String,
    /// Whether it is a query.
    pub is_query: bool,
    /// Number of arguments.
    pub arity: usize,
    /// Encoded arguments of the correct types.
    pub args: Vec<u8>,
    arguments: Vec<Type>,
    results: Vec<Type>,
    env: TypeEnv,
}

/// All methods of the contract.
pub fn methods() -> Vec<Method> {
    let program = CONTRACT.parse().expect("storage.did is well-formed");
    let mut env = TypeEnv::new();
    let service = candid_parser::check_prog(&mut env, &program);
    let service = service.expect("the types of storage.did are sound").expect("storage.did has a service");
    let methods = env.as_service(&service).expect("the actor of storage.did is a service");
    methods.iter().map(|(name, ty)| Method::new(&env, name, ty)).collect()
}

impl Method {
    fn new(env: &TypeEnv, name: &str, ty: &Type) -> Self {
        let function = env.as_func(ty).expect("a method is a function");
        let values: Vec<_> = function.args.iter().map(|arg| sample(env, arg)).collect();
        Self {
            name: name.to_owned(),
            is_query: function.is_query(),
            arity: values.len(),
            args: IDLArgs { args: values }.to_bytes().expect("samples can be encoded"),
            arguments: function.args.clone(),
            results: function.rets.clone(),
            env: env.clone(),
        }
    }

    /// Calls the method as a query or an update, with any bytes as arguments.
    pub async fn call(&self, transport: &impl Transport, args: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        match self.is_query {
            true => transport.query(&self.name, args).await,
            false => transport.update(&self.name, args).await,
        }
    }

    /// Encodes arguments in Candid's text format, as `icp canister call` does.
    pub fn encode(&self, text: &str) -> Result<Vec<u8>, String> {
        let values = candid_parser::parse_idl_args(text).map_err(|error| error.to_string())?;
        values.to_bytes_with_types(&self.env, &self.arguments).map_err(|error| error.to_string())
    }

    /// Formats a reply of the method.
    ///
    /// # Panics
    ///
    /// If the reply does not have the types of the contract.
    pub fn show(&self, reply: &[u8]) -> String {
        let reply = IDLArgs::from_bytes_with_types(reply, &self.env, &self.results);
        reply.unwrap_or_else(|error| panic!("{} answered something else: {error}", self.name)).to_string()
    }
}

/// Returns a plain value of a type.
fn sample(env: &TypeEnv, ty: &Type) -> IDLValue {
    match env.trace_type(ty).expect("storage.did defines the types that it uses").as_ref() {
        TypeInner::Null => IDLValue::Null,
        TypeInner::Bool => IDLValue::Bool(true),
        TypeInner::Text => IDLValue::Text("key".into()),
        TypeInner::Nat => IDLValue::Nat(1_u8.into()),
        TypeInner::Nat32 => IDLValue::Nat32(1),
        TypeInner::Int8 => IDLValue::Int8(1),
        TypeInner::Int16 => IDLValue::Int16(1),
        TypeInner::Int32 => IDLValue::Int32(1),
        TypeInner::Int64 => IDLValue::Int64(1),
        TypeInner::Nat8 => IDLValue::Nat8(1),
        TypeInner::Nat16 => IDLValue::Nat16(1),
        TypeInner::Float64 => IDLValue::Float64(1.0),
        TypeInner::Nat64 => IDLValue::Nat64(1),
        TypeInner::Principal => IDLValue::Principal(crate::stranger()),
        TypeInner::Opt(_) => IDLValue::None,
        TypeInner::Vec(item) if matches!(item.as_ref(), TypeInner::Nat8) => IDLValue::Blob(b"value".to_vec()),
        TypeInner::Vec(item) => IDLValue::Vec(vec![sample(env, item)]),
        TypeInner::Record(fields) => {
            IDLValue::Record(fields.iter().map(|field| sample_field(env, &field.id, &field.ty)).collect())
        }
        TypeInner::Variant(cases) => {
            let case = cases.first().expect("a variant has a case");
            IDLValue::Variant(VariantValue(Box::new(sample_field(env, &case.id, &case.ty)), 0))
        }
        other => panic!("the contract has an argument of a type that the tests do not know yet: {other:?}"),
    }
}

fn sample_field(env: &TypeEnv, id: &candid::types::Label, ty: &Type) -> IDLField {
    IDLField { id: id.clone(), val: sample(env, ty) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All methods of the contract are found, with their names and kinds.
    #[test]
    fn the_contract_has_its_methods() {
        let methods = methods();
        let kind =
            |name: &str| methods.iter().find(|method| method.name == name).map(|method| method.is_query);
        assert_eq!(kind("put"), Some(false));
        assert_eq!(kind("get"), Some(true));
        assert_eq!(kind("readLast"), Some(true));
        assert!(methods.len() >= 17, "storage.did has lost methods, it has {}", methods.len());
    }
}
