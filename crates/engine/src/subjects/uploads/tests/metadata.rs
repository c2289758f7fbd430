//! What an upload declares about its object.

use stable_storage_api::{MetadataPair, UploadCondition};

use super::*;

/// Every field is kept while the upload is open, and given to the object.
#[test]
fn an_object_has_the_metadata_that_its_upload_declared() {
    let pairs = vec![MetadataPair::new("name", "value"), MetadataPair::new("other", "")];
    for (caller, owner) in [(OWNER, Some(OWNER.principal)), (ADMIN, None)] {
        let mut store = store();
        let args = UploadArgs {
            content_type: Some("image/png".into()),
            content_encoding: Some("br".into()),
            metadata: Some(pairs.clone()),
            sha256: Some(ByteBuf::from([7; 32])),
            condition: Some(Condition::Absent),
            ..UploadArgs::new("key", 3)
        };
        let id = store.create_upload(&args, &caller, 5).unwrap().id;
        let status = store.upload_status(id, &caller, 5).unwrap();
        assert_eq!(
            (&status.content_type, &status.content_encoding),
            (&args.content_type, &args.content_encoding)
        );
        assert_eq!((&status.metadata, &status.sha256), (&args.metadata, &args.sha256));
        assert_eq!((status.condition, status.creator), (UploadCondition::Absent, caller.principal));
        // A list of a thousand uploads has no space for it.
        assert_eq!(store.list_uploads(&caller, 5).unwrap()[0].metadata, None);
        store.write_chunk(id, 0, b"abc", &caller, 6).unwrap();
        store.commit_upload(id, &caller, 7).unwrap();
        let info = store.stat("key").unwrap();
        assert_eq!((info.content_type, info.content_encoding), (args.content_type, args.content_encoding));
        assert_eq!((info.metadata, info.owner), (args.metadata, owner));
        assert_eq!(info.sha256.unwrap().digest, args.sha256.unwrap());
        assert_eq!((info.created_ns, info.modified_ns), (7, 7));
    }
}

#[test]
fn empty_content_types_and_encodings_are_not_recorded() {
    let mut store = store();
    let (content_type, content_encoding) = (Some(String::new()), Some(String::new()));
    let args =
        UploadArgs { content_type, content_encoding, metadata: Some(vec![]), ..UploadArgs::new("key", 3) };
    let id = store.create_upload(&args, &OWNER, 0).unwrap().id;
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!((status.content_type, status.content_encoding, status.metadata), (None, None, None));
}
