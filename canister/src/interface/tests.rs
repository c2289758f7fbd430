use std::collections::BTreeSet;

use candid::types::subtype::{equal, subtype};
use candid::types::{Field, FuncMode, Label, Type, TypeInner};
use candid::{CandidType, TypeEnv};
use candid_parser::utils::check_rust_type;
use stable_storage_api::{Error, InitArgs};
use storage_wire::{Plain, Typed};

use super::*;
use crate::endpoints::SIGNATURES;

const DID: &str = include_str!("../../../storage.did");

/// Returns a type of the wire in the form of the `candid` crate.
fn candid_type(ty: &storage_wire::Type) -> Type {
    let fields = |fields: &[storage_wire::Field]| {
        fields
            .iter()
            .map(|field| Field { id: Label::Id(field.id).into(), ty: candid_type(field.ty) })
            .collect()
    };
    let ty = match ty {
        storage_wire::Type::Opt(ty) => TypeInner::Opt(candid_type(ty)),
        storage_wire::Type::Vec(ty) => TypeInner::Vec(candid_type(ty)),
        storage_wire::Type::Record(ids) => TypeInner::Record(fields(ids)),
        storage_wire::Type::Variant(ids) => TypeInner::Variant(fields(ids)),
        storage_wire::Type::Plain(plain) => match plain {
            Plain::Null => TypeInner::Null,
            Plain::Bool => TypeInner::Bool,
            Plain::Nat => TypeInner::Nat,
            Plain::Nat8 => TypeInner::Nat8,
            Plain::Nat16 => TypeInner::Nat16,
            Plain::Nat32 => TypeInner::Nat32,
            Plain::Nat64 => TypeInner::Nat64,
            Plain::Int8 => TypeInner::Int8,
            Plain::Int16 => TypeInner::Int16,
            Plain::Int32 => TypeInner::Int32,
            Plain::Int64 => TypeInner::Int64,
            Plain::Float64 => TypeInner::Float64,
            Plain::Text => TypeInner::Text,
            Plain::Principal => TypeInner::Principal,
        },
    };
    ty.into()
}

fn result_of(ok: Type) -> Type {
    let case = |name: &str, ty| Field { id: Label::Named(name.into()).into(), ty };
    TypeInner::Variant(vec![case("Ok", ok), case("Err", Error::ty())]).into()
}

/// Returns the contract, and its service with the argument of install.
fn contract() -> (TypeEnv, Type) {
    let mut env = TypeEnv::new();
    let program = DID.parse().unwrap();
    let service = candid_parser::check_prog(&mut env, &program).unwrap().unwrap();
    (env, service)
}

#[test]
fn the_exports_have_the_types_of_storage_did() {
    let (env, service) = contract();
    let TypeInner::Class(_, service) = service.as_ref() else { panic!("the service takes an argument") };
    let mut missing: BTreeSet<_> =
        env.as_service(service).unwrap().iter().map(|(name, _)| name.to_string()).collect();
    for Signature { export, arguments, answers, reply } in SIGNATURES {
        let (kind, name) = export.split_once(' ').unwrap();
        assert!(missing.remove(name), "storage.did does not have {name}");
        let function = env.get_method(service, name).unwrap();
        assert_eq!(function.is_query(), kind == "canister_query", "{name}");
        let replies = match *answers {
            "result" => vec![result_of(candid_type(reply))],
            "plain" => vec![candid_type(reply)],
            _ => vec![],
        };
        let is_oneway = function.modes.contains(&FuncMode::Oneway);
        assert_eq!(is_oneway, *answers == "oneway", "{name}");
        let arguments: Vec<_> = arguments.iter().map(|ty| candid_type(ty)).collect();
        for (ours, theirs) in [(arguments, &function.args), (replies, &function.rets)] {
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for (ours, theirs) in ours.iter().zip(theirs) {
                if let Err(error) = equal(&mut Default::default(), &env, ours, theirs) {
                    panic!("{name}: {error}");
                }
            }
        }
    }
    assert_eq!(missing, BTreeSet::new(), "storage.did has methods that are not exported");
}

#[test]
fn the_argument_of_install_matches_storage_did() {
    let (env, service) = contract();
    let TypeInner::Class(args, _) = service.as_ref() else { panic!("the service takes an argument") };
    assert_eq!(args.len(), 1);
    equal(&mut Default::default(), &env, &candid_type(<Option<InitArgs>>::TYPE), &args[0]).unwrap();
    check_rust_type::<Option<InitArgs>>(ARGUMENTS).unwrap();
}

#[test]
fn every_method_of_storage_did_has_a_comment() {
    let service = DID.split_once("service :").expect("storage.did has a service").1;
    let lines: Vec<_> = service.lines().map(str::trim).collect();
    let methods: Vec<_> = (1..lines.len()).filter(|at| lines[*at].contains(" : (")).collect();
    assert!(methods.len() > 10, "the methods of storage.did have not been found");
    for at in methods {
        assert!(lines[at - 1].starts_with("// "), "no comment above: {}", lines[at]);
    }
}

/// The actor type of the StableLog of Motoko's documentation, as its compiler prints it (scripts/interop.sh).
/// A program that uses a StableLog can use this canister instead.
#[test]
fn the_canister_is_a_stable_log() {
    let stable_log = "service : { log : (text) -> () oneway; readLast : (nat) -> (vec text) query }";
    let (mut env, service) = contract();
    let TypeInner::Class(_, service) = service.as_ref() else { panic!("the service takes an argument") };
    let expected = candid_parser::check_prog(&mut env, &stable_log.parse().unwrap()).unwrap().unwrap();
    subtype(&mut Default::default(), &env, service, &expected).unwrap();
    let twoway = "service : { log : (text) -> () }";
    let other = candid_parser::check_prog(&mut env, &twoway.parse().unwrap()).unwrap().unwrap();
    assert!(subtype(&mut Default::default(), &env, service, &other).is_err());
}

/// A generator of bindings needs a name for each record or variant in an argument or a reply.
#[test]
fn every_argument_and_every_type_has_a_name() {
    let program: candid_parser::IDLProg = DID.parse().unwrap();
    let (env, service) = contract();
    let TypeInner::Class(init, _) = service.as_ref() else { panic!("the service takes an argument") };
    let methods = env.as_service(&service).unwrap();
    for (name, ty) in methods {
        let function = env.as_func(ty).unwrap();
        for arg in &function.args {
            assert!(is_named(arg), "{name} takes {arg}");
        }
        for answer in &function.rets {
            assert!(is_named(answer), "{name} answers {answer}");
        }
    }
    assert!(init.iter().all(is_named));
    for declared in &program.decs {
        let candid_parser::syntax::Dec::TypD(binding) = declared else { continue };
        for part in parts(&env.0[binding.id.as_str()]) {
            assert!(is_named(&part), "{} has {part}", binding.id);
        }
    }
    let service = DID.split_once("service :").expect("storage.did has a service").1;
    for line in service.lines().filter(|line| line.contains(") -> (")) {
        let arguments = line.split_once(": (").unwrap().1.split_once(") -> (").unwrap().0;
        let named = arguments.split(", ").all(|argument| argument.contains(" : "));
        assert!(arguments.is_empty() || named, "an argument has no name: {line}");
    }
}

/// Returns whether a type contains a record or a variant only by name.
fn is_named(ty: &Type) -> bool {
    match ty.as_ref() {
        TypeInner::Opt(ty) | TypeInner::Vec(ty) => is_named(ty),
        TypeInner::Record(_) | TypeInner::Variant(_) => false,
        _ => true,
    }
}

/// Returns the parts of a declared type. The record of a variant's case belongs to the case, as in Rust.
fn parts(ty: &Type) -> Vec<Type> {
    let types = |fields: &[Field]| fields.iter().map(|field| field.ty.clone()).collect::<Vec<_>>();
    match ty.as_ref() {
        TypeInner::Record(fields) => types(fields),
        TypeInner::Variant(cases) => {
            let of_case = |ty: Type| match ty.as_ref() {
                TypeInner::Record(fields) => types(fields),
                _ => vec![ty],
            };
            types(cases).into_iter().flat_map(of_case).collect()
        }
        _ => vec![ty.clone()],
    }
}
