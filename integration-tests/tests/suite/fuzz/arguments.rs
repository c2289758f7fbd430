//! Almost valid arguments of a method.

use candid::types::value::{IDLField, IDLValue, VariantValue};
use candid::types::{Field, Type, TypeInner};
use candid::{IDLArgs, Principal, TypeEnv};
use integration_tests::contract::{CONTRACT, Method, methods};
use integration_tests::data::Random;
use integration_tests::{controller, stranger};

/// Valid keys, prefixes of keys, invalid ones, and URLs.
const TEXTS: [&str; 10] =
    ["key", "key/2", "uploaded", "", "k", "é\u{202e}", "/metrics", "/2", "/none/%61/", "GET"];

/// Numbers at limits.
const NUMBERS: [u64; 10] = [0, 1, 2, 5, 16, 65_535, 65_536, 1 << 32, 1 << 63, u64::MAX];

/// Depth of a random type.
const DEPTH: u32 = 4;

/// The methods of the contract with the types of their arguments.
pub(super) struct Arguments {
    env: TypeEnv,
    methods: Vec<(Method, Vec<Type>)>,
}

impl Arguments {
    pub(super) fn of_the_contract() -> Self {
        let mut env = TypeEnv::new();
        let program = CONTRACT.parse().unwrap();
        let service = candid_parser::check_prog(&mut env, &program).unwrap().unwrap();
        let methods = methods().into_iter().map(|method| {
            let function = env.get_method(&service, &method.name).unwrap();
            let types = function.args.clone();
            (method, types)
        });
        let methods = methods.collect();
        Self { env, methods }
    }

    /// Returns a method and arguments for it: mostly valid ones, changed a little or not at all.
    pub(super) fn some(&self, random: &mut Random) -> (&Method, Vec<u8>) {
        let (method, types) = &self.methods[random.below(self.methods.len())];
        let mut values: Vec<_> = types.iter().map(|ty| self.value(ty, random)).collect();
        match random.below(8) {
            0 => values.push(any_value(random, DEPTH)),
            1 => drop(values.pop()),
            2 if !values.is_empty() => {
                let at = random.below(values.len());
                values[at] = any_value(random, DEPTH);
            }
            _ => {}
        }
        let mut bytes = IDLArgs { args: values }.to_bytes().unwrap_or_else(|_| method.args.clone());
        for _ in 0..[0, 0, 1, 4][random.below(4)] {
            change(&mut bytes, random);
        }
        (method, bytes)
    }

    /// Returns a value of a type, sometimes of another one.
    fn value(&self, ty: &Type, random: &mut Random) -> IDLValue {
        if random.below(40) == 0 {
            return any_value(random, DEPTH);
        }
        match self.env.trace_type(ty).unwrap().as_ref() {
            TypeInner::Opt(_) if random.below(3) == 0 => IDLValue::None,
            TypeInner::Opt(inner) => IDLValue::Opt(Box::new(self.value(inner, random))),
            TypeInner::Vec(item) if matches!(item.as_ref(), TypeInner::Nat8) => IDLValue::Blob(blob(random)),
            TypeInner::Vec(item) => {
                // All items of a vector have one type, so they are generated alike.
                let item = self.value(item, random);
                IDLValue::Vec(vec![item; [0, 1, 2, 3, 50][random.below(5)]])
            }
            TypeInner::Record(fields) => IDLValue::Record(self.fields(fields, random)),
            TypeInner::Variant(cases) => {
                let at = random.below(cases.len());
                let field = self.field(&cases[at], random);
                IDLValue::Variant(VariantValue(Box::new(field), 0))
            }
            plain => plain_value(plain, random),
        }
    }

    /// Returns the fields of a record, sometimes with an extra or a missing one.
    fn fields(&self, fields: &[Field], random: &mut Random) -> Vec<IDLField> {
        let mut values: Vec<_> = fields.iter().map(|field| self.field(field, random)).collect();
        match random.below(20) {
            0 => values.truncate(random.below(values.len().max(1))),
            1 => values
                .push(IDLField { id: candid::types::Label::Id(u32::MAX), val: any_value(random, DEPTH) }),
            _ => {}
        }
        values
    }

    fn field(&self, field: &Field, random: &mut Random) -> IDLField {
        IDLField { id: (*field.id).clone(), val: self.value(&field.ty, random) }
    }
}

fn plain_value(ty: &TypeInner, random: &mut Random) -> IDLValue {
    let number = NUMBERS[random.below(NUMBERS.len())];
    match ty {
        TypeInner::Null => IDLValue::Null,
        TypeInner::Bool => IDLValue::Bool(random.below(2) == 0),
        TypeInner::Text => IDLValue::Text(TEXTS[random.below(TEXTS.len())].into()),
        TypeInner::Nat => IDLValue::Nat(number.into()),
        TypeInner::Nat8 => IDLValue::Nat8(number as u8),
        TypeInner::Nat16 => IDLValue::Nat16(number as u16),
        TypeInner::Nat32 => IDLValue::Nat32(number as u32),
        TypeInner::Nat64 => IDLValue::Nat64(number),
        TypeInner::Int8 => IDLValue::Int8(number as i8),
        TypeInner::Int16 => IDLValue::Int16(number as i16),
        TypeInner::Int32 => IDLValue::Int32(number as i32),
        TypeInner::Int64 => IDLValue::Int64(number as i64),
        TypeInner::Float64 => IDLValue::Float64(f64::from_bits(number)),
        TypeInner::Principal => {
            let principals =
                [controller(), stranger(), Principal::anonymous(), Principal::management_canister()];
            IDLValue::Principal(principals[random.below(4)])
        }
        _ => IDLValue::Reserved,
    }
}

fn any_value(random: &mut Random, depth: u32) -> IDLValue {
    let inner = |random: &mut Random| any_value(random, depth - 1);
    match random.below(if depth == 0 { 6 } else { 10 }) {
        0 => IDLValue::Null,
        1 => IDLValue::Text("x".repeat(random.below(300))),
        2 => IDLValue::Nat64(random.next_u64()),
        3 => IDLValue::Int((random.next_u64() as i64).into()),
        4 => IDLValue::Blob(blob(random)),
        5 => IDLValue::Bool(true),
        6 => IDLValue::Opt(Box::new(inner(random))),
        7 => IDLValue::Vec(vec![inner(random); random.below(5)]),
        8 => {
            let ids = 0..random.below(4) as u32;
            let field = |id| IDLField { id: candid::types::Label::Id(id), val: inner(random) };
            IDLValue::Record(ids.map(field).collect())
        }
        _ => {
            let field = IDLField { id: candid::types::Label::Id(7), val: inner(random) };
            IDLValue::Variant(VariantValue(Box::new(field), 0))
        }
    }
}

fn blob(random: &mut Random) -> Vec<u8> {
    let length = [0, 1, 5, 32, 1_024, 5_000][random.below(6)];
    vec![random.next_u64() as u8; length]
}

/// Changes a byte, truncates, repeats, or encodes a number with more bytes than needed.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len().max(1));
    match random.below(7) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.next_u64() as u8),
        2 if !bytes.is_empty() => drop(bytes.remove(at)),
        3 => bytes.extend_from_slice(&bytes.clone()[at..]),
        4 if bytes.get(at).is_some_and(|byte| *byte < 0x80) => {
            bytes[at] |= 0x80;
            bytes.insert(at + 1, 0);
        }
        5 => bytes.splice(at..at, [0xff; 9]).for_each(drop),
        _ => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << random.below(8)),
    }
}
