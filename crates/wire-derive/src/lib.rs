//! `#[derive(Wire)]`: the traits of `storage-wire` for a struct with named fields, or for an enum.
//!
//! Fields and cases have their Rust names, as in `candid`'s derive. The optional fields of a struct get bits in order of
//! declaration. `#[wire(strict)]` on a struct makes values an error that Candid would read as none, and
//! `#[wire(encode)]` omits `Decode`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Ident, Lifetime, Type, parse_macro_input, spanned::Spanned};

/// Implements `Typed`, `Encode` and `Decode`, and for an enum also `Cases`.
#[proc_macro_derive(Wire, attributes(wire))]
pub fn wire(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let target = Target::of(input)?;
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) => Ok(of_struct(&target, &members(&data.fields))),
            _ => Err(syn::Error::new(input.span(), "a struct has named fields")),
        },
        Data::Enum(data) => {
            let mut cases: Vec<_> = data.variants.iter().map(Case::of).collect::<syn::Result<_>>()?;
            cases.sort_by_key(|case| case.id);
            Ok(of_enum(&target, &cases))
        }
        Data::Union(_) => Err(syn::Error::new(input.span(), "Candid has no unions")),
    }
}

/// Type to implement the traits for.
struct Target<'a> {
    name: &'a Ident,
    /// Lifetime of borrowed fields, if any.
    lifetime: Option<&'a Lifetime>,
    is_strict: bool,
    is_only_encoded: bool,
}

impl<'a> Target<'a> {
    fn of(input: &'a DeriveInput) -> syn::Result<Self> {
        let generics = &input.generics;
        let mut lifetimes = generics.lifetimes().map(|parameter| &parameter.lifetime);
        let lifetime = lifetimes.next();
        if generics.type_params().next().is_some() || lifetimes.next().is_some() {
            return Err(syn::Error::new(generics.span(), "at most one lifetime, and no other parameters"));
        }
        let (mut is_strict, mut is_only_encoded) = (false, false);
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("wire")) {
            attribute.parse_nested_meta(|meta| {
                let (strict, encode) = (meta.path.is_ident("strict"), meta.path.is_ident("encode"));
                (is_strict, is_only_encoded) = (is_strict || strict, is_only_encoded || encode);
                if strict || encode { Ok(()) } else { Err(meta.error("there are only strict and encode")) }
            })?;
        }
        Ok(Self { name: &input.ident, lifetime, is_strict, is_only_encoded })
    }

    /// `impl PATH for TARGET { BODY }`
    fn implement(&self, path: &TokenStream, body: &TokenStream) -> TokenStream {
        let name = self.name;
        let lifetime = self.lifetime.map(|lifetime| quote!(<#lifetime>));
        quote! { impl #lifetime #path for #name #lifetime { #body } }
    }

    fn implement_decode(&self, value: &TokenStream) -> TokenStream {
        let lifetime = self.lifetime.map_or_else(|| quote!('_), |lifetime| quote!(#lifetime));
        let path = quote!(::storage_wire::Decode<#lifetime>);
        let body = quote! {
            fn decode(input: &mut ::storage_wire::Input<#lifetime>) -> ::core::option::Option<Self> {
                #value
            }
        };
        self.implement(&path, &body)
    }
}

/// Named field.
struct Member {
    ident: Ident,
    name: String,
    ty: Type,
    id: u32,
    /// Bit of an optional field.
    bit: Option<u32>,
    /// Constant with the position of the first bit of the nested fields.
    inner_bits: TokenStream,
}

/// Returns the fields in the order of their ids.
fn members(fields: &Fields) -> Vec<Member> {
    let mut bits = 0;
    let mut members: Vec<_> = fields
        .iter()
        .map(|field| {
            let ident = field.ident.clone().expect("the field is named");
            let name = ident.to_string();
            let name = name.strip_prefix("r#").unwrap_or(&name).to_owned();
            let bit = is_option(&field.ty).then(|| {
                bits += 1;
                bits - 1
            });
            let id = id_of(&name);
            Member { ident, name, ty: field.ty.clone(), id, bit, inner_bits: TokenStream::new() }
        })
        .collect();
    // Nested fields follow the struct's own.
    let mut inner_bits = quote!(#bits);
    for member in &mut members {
        member.inner_bits = inner_bits.clone();
        let ty = &member.ty;
        inner_bits = quote!(#inner_bits + <#ty as ::storage_wire::Typed>::OPTIONAL);
    }
    members.sort_by_key(|member| member.id);
    members
}

fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == "Option")
}

fn id_of(name: &str) -> u32 {
    name.bytes().fold(0, |id, byte| id.wrapping_mul(223).wrapping_add(byte.into()))
}

/// Returns the fields of a record type, with or without bits.
fn field_constants(members: &[Member], has_bits: bool) -> TokenStream {
    let fields = members.iter().map(|Member { name, ty, id, bit, inner_bits, .. }| {
        let bit = match bit.filter(|_| has_bits) {
            Some(bit) => quote!(::core::option::Option::Some(#bit)),
            None => quote!(::core::option::Option::None),
        };
        let inner_bits = if has_bits { quote!(#inner_bits) } else { quote!(0) };
        let ty = quote!(<#ty as ::storage_wire::Typed>::TYPE);
        quote! { ::storage_wire::Field { id: #id, name: #name, ty: #ty, bit: #bit, inner_bits: #inner_bits } }
    });
    quote!(#(#fields),*)
}

fn of_struct(target: &Target<'_>, members: &[Member]) -> TokenStream {
    let fields = field_constants(members, true);
    let own = members.iter().filter(|member| member.bit.is_some()).count() as u32;
    let types = members.iter().map(|member| &member.ty);
    let is_strict = target.is_strict;
    let typed = target.implement(
        &quote!(::storage_wire::Typed),
        &quote! {
            const TYPE: &'static ::storage_wire::Type = &::storage_wire::Type::Record(&[#fields]);
            const OPTIONAL: u32 = #own #(+ <#types as ::storage_wire::Typed>::OPTIONAL)*;
            const IS_STRICT: bool = #is_strict;
        },
    );
    let present = members.iter().map(member_present);
    let encode = members.iter().map(member_encode);
    let encode = target.implement(
        &quote!(::storage_wire::Encode),
        &quote! {
            fn present(&self) -> u32 {
                0 #(| #present)*
            }

            fn encode(&self, present: u32, out: &mut impl ::storage_wire::Output) {
                #(#encode)*
            }
        },
    );
    if target.is_only_encoded {
        return quote!(#typed #encode);
    }
    let values = decode_members(members);
    let decode = target.implement_decode(&quote!(::core::option::Option::Some(Self { #values })));
    quote!(#typed #encode #decode)
}

fn decode_members(members: &[Member]) -> TokenStream {
    let values = members
        .iter()
        .map(|Member { ident, ty, .. }| quote!(#ident: <#ty as ::storage_wire::Decode>::decode(input)?));
    quote!(#(#values),*)
}

fn member_present(Member { ident, ty, bit, inner_bits, .. }: &Member) -> TokenStream {
    let own = bit.map(|bit| quote!(u32::from(self.#ident.is_some()) << #bit |));
    // A shift by 32 bits would be an error, even if there is nothing to shift.
    quote! {
        #own if <#ty as ::storage_wire::Typed>::OPTIONAL == 0 {
            0
        } else {
            ::storage_wire::Encode::present(&self.#ident) << ((#inner_bits) & 31)
        }
    }
}

fn member_encode(Member { ident, ty, bit, inner_bits, .. }: &Member) -> TokenStream {
    let inner = quote! {
        if <#ty as ::storage_wire::Typed>::OPTIONAL == 0 { 0 } else { present >> ((#inner_bits) & 31) }
    };
    let encode = quote!(::storage_wire::Encode::encode(&self.#ident, #inner, out););
    match bit {
        Some(bit) => quote!(if present >> #bit & 1 == 1 { #encode }),
        None => encode,
    }
}

/// Case of an enum.
struct Case {
    ident: Ident,
    id: u32,
    holds: Holds,
}

enum Holds {
    Nothing,
    Value(Box<Type>),
    Record(Vec<Member>),
}

impl Case {
    fn of(variant: &syn::Variant) -> syn::Result<Self> {
        let holds = match &variant.fields {
            Fields::Unit => Holds::Nothing,
            Fields::Named(_) => Holds::Record(members(&variant.fields)),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                Holds::Value(Box::new(fields.unnamed[0].ty.clone()))
            }
            Fields::Unnamed(_) => {
                return Err(syn::Error::new(variant.span(), "a case holds one value, or named fields"));
            }
        };
        let ident = variant.ident.clone();
        Ok(Self { id: id_of(&ident.to_string()), ident, holds })
    }

    fn constant(&self) -> TokenStream {
        let (id, name) = (self.id, self.ident.to_string());
        let ty = match &self.holds {
            Holds::Nothing => quote!(<() as ::storage_wire::Typed>::TYPE),
            Holds::Value(ty) => quote!(<#ty as ::storage_wire::Typed>::TYPE),
            Holds::Record(members) => {
                let fields = field_constants(members, false);
                quote!(&::storage_wire::Type::Record(&[#fields]))
            }
        };
        quote! {
            ::storage_wire::Field {
                id: #id, name: #name, ty: #ty, bit: ::core::option::Option::None, inner_bits: 0,
            }
        }
    }

    /// Returns the pattern of the case, and the code that encodes it.
    fn encode(&self) -> TokenStream {
        let ident = &self.ident;
        let all = quote!(::storage_wire::ALL);
        match &self.holds {
            Holds::Nothing => quote!(Self::#ident => {}),
            Holds::Value(_) => {
                quote!(Self::#ident(value) => ::storage_wire::Encode::encode(value, #all, out))
            }
            Holds::Record(members) => {
                let names: Vec<_> = members.iter().map(|member| &member.ident).collect();
                quote!(Self::#ident { #(#names),* } => { #(::storage_wire::Encode::encode(#names, #all, out);)* })
            }
        }
    }

    fn decode(&self) -> TokenStream {
        let ident = &self.ident;
        match &self.holds {
            Holds::Nothing => quote!(Self::#ident),
            Holds::Value(ty) => quote!(Self::#ident(<#ty as ::storage_wire::Decode>::decode(input)?)),
            Holds::Record(members) => {
                let values = decode_members(members);
                quote!(Self::#ident { #values })
            }
        }
    }
}

fn of_enum(target: &Target<'_>, cases: &[Case]) -> TokenStream {
    let constants = cases.iter().map(Case::constant);
    let typed = target.implement(
        &quote!(::storage_wire::Typed),
        &quote!(const TYPE: &'static ::storage_wire::Type = &::storage_wire::Type::Variant(&[#(#constants),*]);),
    );
    let count = cases.len();
    let positions = cases.iter().enumerate().map(|(at, case)| {
        let ident = &case.ident;
        quote!(Self::#ident { .. } => #at)
    });
    let encodes = cases.iter().map(Case::encode);
    let out = format_ident!("out");
    let of_cases = target.implement(
        &quote!(::storage_wire::Cases),
        &quote! {
            const COUNT: usize = #count;

            fn case(&self) -> usize {
                match self { #(#positions),* }
            }

            fn encode_case(&self, #out: &mut impl ::storage_wire::Output) {
                match self { #(#encodes),* }
            }
        },
    );
    let encode = target.implement(
        &quote!(::storage_wire::Encode),
        &quote! {
            fn encode(&self, _present: u32, out: &mut impl ::storage_wire::Output) {
                ::storage_wire::encode_length(::storage_wire::Cases::case(self), out);
                ::storage_wire::Cases::encode_case(self, out);
            }
        },
    );
    let decodes = cases.iter().enumerate().map(|(at, case)| {
        let value = case.decode();
        quote!(#at => #value)
    });
    let decode = target.implement_decode(&quote! {
        ::core::option::Option::Some(match input.length()? {
            #(#decodes,)*
            _ => return ::core::option::Option::None,
        })
    });
    quote!(#typed #of_cases #encode #decode)
}
