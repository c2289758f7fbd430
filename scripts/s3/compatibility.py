"""Checks that the gateway does what docs/S3.md claims of the public S3 compatibility tests (ceph/s3-tests, test_s3.py). Each check
has the name of such a test and examines the same behaviour; the code is this project's. Arguments: the URL of the gateway, and
docs/S3.md, whose rows must name the same tests."""

import hashlib
import itertools
import re
import sys
import urllib.error
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

url, document = sys.argv[1:3]
MIB = 1 << 20
numbers = itertools.count(1)
passes, refused, missing = {}, {}, {}


def client(key="WRITER", secret="secret of the writer", **options):
    config = Config(retries={"max_attempts": 1}, **{"signature_version": "s3v4", **options})
    names = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config, **names)


s3 = client()
anonymous = client(signature_version=UNSIGNED)


def add(kind, *names):
    """Adds a check under the names of the tests whose behaviour it examines."""

    def decorate(check):
        for name in names:
            assert name not in kind, name
            kind[name] = check
        return check

    return decorate


def failure(operation, by=s3, **arguments):
    """Returns the status and the code with which an operation must fail."""
    try:
        getattr(by, operation)(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError(f"{operation} has succeeded")


def expect(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def new_bucket(*keys):
    name = f"compatibility-{next(numbers)}"
    s3.create_bucket(Bucket=name)
    for key in keys:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


def with_foo(**arguments):
    bucket = new_bucket()
    return bucket, s3.put_object(Bucket=bucket, Key="foo", Body=b"bar", **arguments)


def body(bucket, key="foo", **arguments):
    return s3.get_object(Bucket=bucket, Key=key, **arguments)["Body"].read()


def listed(bucket, operation="list_objects", **arguments):
    page = getattr(s3, operation)(Bucket=bucket, **arguments)
    keys = [item["Key"] for item in page.get("Contents", [])]
    return keys, [item["Prefix"] for item in page.get("CommonPrefixes", [])]


# Name of the test, keys, arguments of the listing, keys and common prefixes that it returns.
FOUR = ["bar", "baz", "cab", "foo"]
LISTINGS = [
    ("delimiter_basic", ["asdf", "foo/bar", "foo/baz/xyzzy", "quux/thud"], {"Delimiter": "/"}, ["asdf"], ["foo/", "quux/"]),
    ("delimiter_prefix_ends_with_delimiter", ["asdf/"], {"Prefix": "asdf/", "Delimiter": "/"}, ["asdf/"], []),
    ("delimiter_alt", FOUR, {"Delimiter": "a"}, ["foo"], ["ba", "ca"]),
    ("delimiter_percentage", ["b%ar", "b%az", "c%ab", "foo"], {"Delimiter": "%"}, ["foo"], ["b%", "c%"]),
    ("delimiter_whitespace", ["b ar", "b az", "c ab", "foo"], {"Delimiter": " "}, ["foo"], ["b ", "c "]),
    ("delimiter_dot", ["b.ar", "b.az", "c.ab", "foo"], {"Delimiter": "."}, ["foo"], ["b.", "c."]),
    ("delimiter_unreadable", FOUR, {"Delimiter": "\n"}, FOUR, []),
    ("delimiter_empty", FOUR, {"Delimiter": ""}, FOUR, []),
    ("delimiter_none", FOUR, {}, FOUR, []),
    ("delimiter_not_exist", FOUR, {"Delimiter": "/"}, FOUR, []),
    ("prefix_basic", ["foo/bar", "foo/baz", "quux"], {"Prefix": "foo/"}, ["foo/bar", "foo/baz"], []),
    ("prefix_alt", ["bar", "baz", "foo"], {"Prefix": "ba"}, ["bar", "baz"], []),
    ("prefix_empty", ["foo/bar", "quux"], {"Prefix": ""}, ["foo/bar", "quux"], []),
    ("prefix_none", ["foo/bar", "quux"], {}, ["foo/bar", "quux"], []),
    ("prefix_not_exist", ["foo/bar", "quux"], {"Prefix": "d"}, [], []),
    ("prefix_unreadable", ["foo/bar", "quux"], {"Prefix": "\n"}, [], []),
    ("prefix_delimiter_basic", ["foo/bar", "foo/baz/xyzzy", "quux"], {"Prefix": "foo/", "Delimiter": "/"}, ["foo/bar"], ["foo/baz/"]),
    ("prefix_delimiter_alt", ["bar", "bazar", "cab"], {"Prefix": "ba", "Delimiter": "a"}, ["bar"], ["baza"]),
    ("prefix_delimiter_prefix_not_exist", ["b/a/c", "g"], {"Prefix": "d", "Delimiter": "/"}, [], []),
    ("prefix_delimiter_delimiter_not_exist", ["b/a/c", "b/a/g", "g"], {"Prefix": "b", "Delimiter": "z"}, ["b/a/c", "b/a/g"], []),
    ("prefix_delimiter_prefix_delimiter_not_exist", ["b/a/c", "g"], {"Prefix": "y", "Delimiter": "z"}, [], []),
    ("special_prefix", ["_bla/1", "_bla/2", "abcd"], {"Prefix": "_bla/"}, ["_bla/1", "_bla/2"], []),
]


def listing(keys, arguments, expected):
    def check():
        bucket = new_bucket(*keys)
        for operation in ("list_objects", "list_objects_v2"):
            expect(listed(bucket, operation, **arguments), expected)

    return check


for name, keys, arguments, found, prefixes in LISTINGS:
    add(passes, f"test_bucket_list_{name}")(listing(keys, arguments, (found, prefixes)))


@add(passes, "test_bucket_list_distinct")
def _():
    one, other = new_bucket("asdf"), new_bucket()
    expect((listed(one), listed(other)), ((["asdf"], []), ([], [])))


@add(passes, "test_bucket_list_many")
def _():
    bucket = new_bucket("foo", "bar", "baz")
    first = s3.list_objects(Bucket=bucket, MaxKeys=2)
    expect(([item["Key"] for item in first["Contents"]], first["IsTruncated"]), (["bar", "baz"], True))
    expect(listed(bucket, Marker="baz", MaxKeys=2), (["foo"], []))


@add(passes, "test_bucket_list_delimiter_prefix", "test_bucket_list_delimiter_prefix_underscore")
def _():
    for first, one, other in (("asdf", "boo/", "cquux/"), ("_obj1_", "_under1/", "_under2/")):
        bucket = new_bucket(first, f"{one}bar", f"{one}baz/xyzzy", f"{other}thud", f"{other}bla")
        page = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=1)
        expect((page["IsTruncated"], page["NextMarker"]), (True, first))
        page = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=1, Marker=first)
        expect((page["CommonPrefixes"], page["NextMarker"]), ([{"Prefix": one}], one))
        page = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=1, Marker=one)
        expect((page["CommonPrefixes"], page["IsTruncated"]), ([{"Prefix": other}], False))
        expect(listed(bucket, Delimiter="/", Prefix=one), ([f"{one}bar"], [f"{one}baz/"]))


@add(passes, "test_bucket_listv2_fetchowner_notempty", "test_bucket_listv2_fetchowner_defaultempty", "test_bucket_listv2_fetchowner_empty")
def _():
    bucket = new_bucket("foo/bar", "foo/baz", "quux")
    for arguments, has_owner in (({"FetchOwner": True}, True), ({}, False), ({"FetchOwner": False}, False)):
        for item in s3.list_objects_v2(Bucket=bucket, **arguments)["Contents"]:
            expect("Owner" in item, has_owner)


@add(passes, "test_list_buckets_paginated")
def _():
    names = sorted(new_bucket() for _ in range(5))
    for size in (1, 2, 5, 1_000):
        pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": size})
        pages = [[bucket["Name"] for bucket in page["Buckets"]] for page in pages]
        expect([name for page in pages for name in page if name in names], names)
        expect(max(map(len, pages)) <= size, True)


@add(passes, "test_bucket_list_objects_anonymous_fail", "test_bucket_listv2_objects_anonymous_fail", "test_object_anon_put")
def _():
    bucket = new_bucket()
    expect(failure("list_objects", anonymous, Bucket=bucket), (403, "AccessDenied"))
    expect(failure("list_objects_v2", anonymous, Bucket=bucket), (403, "AccessDenied"))
    expect(failure("put_object", anonymous, Bucket=bucket, Key="foo", Body=b"x"), (403, "AccessDenied"))


@add(passes, "test_bucket_notexist", "test_bucketv2_notexist", "test_bucket_delete_notexist", "test_object_write_to_nonexist_bucket", "test_bucket_head_notexist")
def _():
    for operation in ("list_objects", "list_objects_v2", "delete_bucket"):
        expect(failure(operation, Bucket="never-created"), (404, "NoSuchBucket"))
    expect(failure("put_object", Bucket="never-created", Key="foo", Body=b"foo"), (404, "NoSuchBucket"))
    expect(failure("head_bucket", Bucket="never-created")[0], 404)


@add(passes, "test_bucket_delete_nonempty", "test_bucket_create_delete", "test_bucket_head")
def _():
    bucket = new_bucket("foo")
    expect(failure("delete_bucket", Bucket=bucket), (409, "BucketNotEmpty"))
    s3.delete_object(Bucket=bucket, Key="foo")
    expect(s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"], 200)
    s3.delete_bucket(Bucket=bucket)
    expect(failure("delete_bucket", Bucket=bucket), (404, "NoSuchBucket"))


@add(passes, "test_buckets_create_then_list", "test_bucket_create_naming_good_contains_period", "test_bucket_create_naming_good_contains_hyphen", "test_bucket_create_naming_good_starts_alpha", "test_bucket_create_naming_good_starts_digit")
def _():
    names = ["aaa.111", "aaa-111", "afoo", "0foo"]
    for name in names:
        s3.create_bucket(Bucket=name)
    there = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    for name in names:
        assert name in there, name
        s3.delete_bucket(Bucket=name)


@add(passes, "test_list_buckets_invalid_auth", "test_list_buckets_bad_auth")
def _():
    expect(failure("list_buckets", client("NOBODY")), (403, "InvalidAccessKeyId"))
    expect(failure("list_buckets", client(secret="wrong")), (403, "SignatureDoesNotMatch"))


@add(passes, "test_object_read_not_exist", "test_object_raw_authenticated_object_gone")
def _():
    expect(failure("get_object", Bucket=new_bucket(), Key="bar"), (404, "NoSuchKey"))


@add(passes, "test_bucket_create_special_key_names")
def _():
    keys = [" ", '"', "$", "%", "&", "'", "<", ">", "_", "_ ", "_ _", "__"]
    bucket = new_bucket(*keys)
    expect(listed(bucket), (keys, []))
    for key in keys:
        expect(body(bucket, key), key.encode())


@add(passes, "test_multi_object_delete", "test_multi_objectv2_delete", "test_multi_object_delete_key_limit")
def _():
    keys = ["key0", "key1", "key2"]
    bucket = new_bucket(*keys)
    for _ in range(2):
        reply = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
        expect((len(reply["Deleted"]), "Errors" in reply, listed(bucket)), (3, False, ([], [])))
    many = {"Objects": [{"Key": f"key-{number}"} for number in range(1_001)]}
    expect(failure("delete_objects", Bucket=bucket, Delete=many)[0], 400)


@add(passes, "test_object_head_zero_bytes", "test_object_write_check_etag", "test_object_write_cache_control", "test_object_write_read_update_read_delete", "test_object_put_authenticated")
def _():
    bucket, put = with_foo(CacheControl="public, max-age=14400")
    expect(put["ETag"], f'"{hashlib.md5(b"bar").hexdigest()}"')
    expect(s3.head_object(Bucket=bucket, Key="foo")["CacheControl"], "public, max-age=14400")
    expect(body(bucket), b"bar")
    s3.put_object(Bucket=bucket, Key="foo", Body=b"")
    expect((s3.head_object(Bucket=bucket, Key="foo")["ContentLength"], body(bucket)), (0, b""))
    s3.delete_object(Bucket=bucket, Key="foo")
    expect(listed(bucket), ([], []))


@add(passes, "test_object_set_get_metadata_none_to_good", "test_object_set_get_metadata_none_to_empty", "test_object_set_get_metadata_overwrite_to_empty")
def _():
    bucket = new_bucket()
    for value in ("mymeta", ""):
        s3.put_object(Bucket=bucket, Key="foo", Body=b"bar", Metadata={"meta1": value})
        expect(s3.get_object(Bucket=bucket, Key="foo")["Metadata"], {"meta1": value})


@add(passes, "test_get_object_ifmatch_good", "test_get_object_ifmatch_failed", "test_get_object_ifnonematch_good", "test_get_object_ifnonematch_failed")
def _():
    bucket, put = with_foo()
    foo = {"Bucket": bucket, "Key": "foo"}
    expect(body(bucket, IfMatch=put["ETag"]), b"bar")
    expect(failure("get_object", IfMatch='"ABCORZ"', **foo), (412, "PreconditionFailed"))
    expect(failure("get_object", IfNoneMatch=put["ETag"], **foo)[0], 304)
    expect(body(bucket, IfNoneMatch='"ABCORZ"'), b"bar")


@add(passes, "test_get_object_ifmodifiedsince_good", "test_get_object_ifmodifiedsince_failed", "test_get_object_ifunmodifiedsince_good", "test_get_object_ifunmodifiedsince_failed")
def _():
    bucket, _ = with_foo()
    foo = {"Bucket": bucket, "Key": "foo"}
    before = "Sat, 29 Oct 1994 19:43:31 GMT"
    now = s3.head_object(**foo)["LastModified"]
    expect(body(bucket, IfModifiedSince=before), b"bar")
    expect(failure("get_object", IfModifiedSince=now, **foo)[0], 304)
    expect(failure("get_object", IfUnmodifiedSince=before, **foo), (412, "PreconditionFailed"))
    expect(body(bucket, IfUnmodifiedSince="Sat, 29 Oct 2100 19:43:31 GMT"), b"bar")


@add(passes, "test_put_object_ifmatch_good", "test_put_object_ifmatch_failed", "test_put_object_ifmatch_overwrite_existed_good", "test_put_object_ifnonmatch_nonexisted_good", "test_put_object_ifnonmatch_overwrite_existed_failed")
def _():
    bucket = new_bucket()
    foo = {"Bucket": bucket, "Key": "foo"}
    put = s3.put_object(Body=b"bar", IfNoneMatch="*", **foo)
    expect(failure("put_object", Body=b"zar", IfNoneMatch="*", **foo), (412, "PreconditionFailed"))
    expect(failure("put_object", Body=b"zar", IfMatch='"ABCORZ"', **foo), (412, "PreconditionFailed"))
    expect(body(bucket), b"bar")
    s3.put_object(Body=b"zar", IfMatch=put["ETag"], **foo)
    s3.put_object(Body=b"last", IfMatch="*", **foo)
    expect(body(bucket), b"last")


@add(passes, "test_object_raw_response_headers")
def _():
    bucket, _ = with_foo()
    given = {"ResponseCacheControl": "no-cache", "ResponseContentDisposition": "bla", "ResponseContentLanguage": "esperanto", "ResponseContentType": "foo/bar"}
    headers = s3.get_object(Bucket=bucket, Key="foo", **given)["ResponseMetadata"]["HTTPHeaders"]
    names = ("cache-control", "content-disposition", "content-language", "content-type")
    expect([headers[name] for name in names], list(given.values()))


def status_of(presigned):
    try:
        return urllib.request.urlopen(presigned).status
    except urllib.error.HTTPError as error:
        return error.code


@add(passes, "test_object_raw_get_x_amz_expires_not_expired")
def _():
    bucket, _ = with_foo()
    signed = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "foo"}, ExpiresIn=100_000)
    expect(status_of(signed), 200)


@add(passes, "test_object_copy_zero_size", "test_object_copy_same_bucket", "test_object_copy_diff_bucket")
def _():
    bucket, other = new_bucket(), new_bucket()
    for content in (b"", b"foo"):
        s3.put_object(Bucket=bucket, Key="from", Body=content)
        for target in (bucket, other):
            s3.copy({"Bucket": bucket, "Key": "from"}, target, "to")
            expect(body(target, "to"), content)


@add(passes, "test_object_copy_verify_contenttype", "test_object_copy_retaining_metadata", "test_object_copy_replacing_metadata")
def _():
    bucket = new_bucket()
    source, old = {"Bucket": bucket, "Key": "from"}, {"key1": "value1", "key2": "value2"}
    for size in (3, MIB):
        s3.put_object(Body=bytes(size), ContentType="audio/ogg", Metadata=old, **source)
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
        head = s3.head_object(Bucket=bucket, Key="to")
        expect((head["ContentType"], head["Metadata"], head["ContentLength"]), ("audio/ogg", old, size))
        new = {"key3": "value3", "key2": "value2"}
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source, Metadata=new, MetadataDirective="REPLACE", ContentType="audio/mpeg")
        head = s3.head_object(Bucket=bucket, Key="to")
        expect((head["ContentType"], head["Metadata"], head["ContentLength"]), ("audio/mpeg", new, size))


@add(passes, "test_object_copy_to_itself", "test_object_copy_to_itself_with_metadata")
def _():
    bucket, _ = with_foo()
    source = {"Bucket": bucket, "Key": "foo"}
    expect(failure("copy_object", CopySource=source, **source), (400, "InvalidRequest"))
    s3.copy_object(CopySource=source, Metadata={"foo": "bar"}, MetadataDirective="REPLACE", **source)
    expect((s3.head_object(**source)["Metadata"], body(bucket)), ({"foo": "bar"}, b"bar"))


@add(passes, "test_object_copy_bucket_not_found", "test_object_copy_key_not_found")
def _():
    bucket = new_bucket()
    for source in (f"{bucket}-fake", bucket):
        source = {"Bucket": source, "Key": "none"}
        expect(failure("copy_object", Bucket=bucket, Key="to", CopySource=source)[0], 404)


def multipart(bucket, parts, key="mp", again=(), **arguments):
    """Sends the parts of an upload, and returns the arguments of its completion."""
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **arguments)["UploadId"]
    sent = []
    for number, part in enumerate(parts, 1):
        if number in again:
            s3.upload_part(PartNumber=number, Body=b"other bytes", **upload)
        sent.append({"PartNumber": number, "ETag": s3.upload_part(PartNumber=number, Body=part, **upload)["ETag"]})
    return {**upload, "MultipartUpload": {"Parts": sent}}


@add(passes, "test_multipart_upload_contents", "test_multipart_upload_multiple_sizes", "test_multipart_upload_overwrite_existing_object", "test_multipart_upload_resend_part")
def _():
    bucket = new_bucket("mp")
    for rest in (0, 1, 100 << 10, 600 << 10):
        parts = [bytes([number]) * (5 * MIB) for number in range(2)] + ([bytes([9]) * rest] if rest else [])
        done = multipart(bucket, parts, again=(1, 2), Metadata={"foo": "bar"}, ContentType="text/bla")
        s3.complete_multipart_upload(**done)
        got = s3.get_object(Bucket=bucket, Key="mp")
        expect((got["Metadata"], got["ContentType"]), ({"foo": "bar"}, "text/bla"))
        assert got["Body"].read() == b"".join(parts), rest
        for start in range(0, 10 * MIB, 3_000_000):
            found = body(bucket, "mp", Range=f"bytes={start}-{start + 999}")
            assert found == b"".join(parts)[start : start + 1_000], start


@add(passes, "test_multipart_upload_empty", "test_multipart_upload_size_too_small", "test_multipart_upload_missing_part", "test_multipart_upload_incorrect_etag")
def _():
    bucket = new_bucket()
    expect(failure("complete_multipart_upload", **multipart(bucket, [])), (400, "MalformedXML"))
    small = multipart(bucket, [bytes(10 << 10)] * 3)
    expect(failure("complete_multipart_upload", **small), (400, "EntityTooSmall"))
    one = multipart(bucket, [b"\0"])
    etag = one["MultipartUpload"]["Parts"][0]["ETag"]
    for part in ({"PartNumber": 9_999, "ETag": etag}, {"PartNumber": 1, "ETag": "f" * 32}):
        one["MultipartUpload"] = {"Parts": [part]}
        expect(failure("complete_multipart_upload", **one), (400, "InvalidPart"))


@add(passes, "test_abort_multipart_upload", "test_abort_multipart_upload_not_found", "test_list_multipart_upload")
def _():
    bucket = new_bucket()
    uploads = [multipart(bucket, [b"x"], key) for key in ("one", "one", "two")]
    there = [upload["UploadId"] for upload in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]]
    expect(sorted(there), sorted(upload["UploadId"] for upload in uploads))
    for upload in uploads:
        del upload["MultipartUpload"]
        s3.abort_multipart_upload(**upload)
        expect(failure("abort_multipart_upload", **upload), (404, "NoSuchUpload"))
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@add(passes, "test_multipart_copy_small", "test_multipart_copy_multiple_sizes", "test_multipart_copy_without_range", "test_multipart_copy_special_names", "test_multipart_copy_invalid_range")
def _():
    bucket = new_bucket()
    content = b"".join(bytes([number]) * MIB for number in range(12))
    for key in (" ", "_", "__", "?versionId"):
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        source = {"Bucket": bucket, "Key": key}
        for size in (1, 5 * MIB, 5 * MIB + 100, 10 * MIB + 600):
            upload = multipart(bucket, [], "to")
            parts = upload.pop("MultipartUpload")["Parts"]
            for start in range(0, size, 5 * MIB):
                end = min(start + 5 * MIB, size) - 1
                number = len(parts) + 1
                copied = s3.upload_part_copy(CopySource=source, CopySourceRange=f"bytes={start}-{end}", PartNumber=number, **upload)
                parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
            s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
            assert body(bucket, "to") == content[:size], (key, size)
    upload = multipart(bucket, [], "to")
    parts = upload.pop("MultipartUpload")["Parts"]
    beyond = {"CopySource": source, "CopySourceRange": f"bytes=0-{12 * MIB}", "PartNumber": 1}
    assert failure("upload_part_copy", **beyond, **upload)[1] == "InvalidRange"
    copied = s3.upload_part_copy(CopySource=source, PartNumber=1, **upload)
    parts.append({"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
    assert body(bucket, "to") == content


@add(passes, "test_multipart_copy_improper_range")
def _():
    bucket, _ = with_foo()
    upload = multipart(bucket, [], "to")
    del upload["MultipartUpload"]
    source = {"CopySource": {"Bucket": bucket, "Key": "foo"}, "PartNumber": 1}
    for text in ("0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=hello-", "bytes=0-2,3-5"):
        expect(failure("upload_part_copy", CopySourceRange=text, **source, **upload), (400, "InvalidArgument"))


@add(refused, "test_bucket_list_objects_anonymous", "test_bucket_listv2_objects_anonymous", "test_bucket_concurrent_set_canned_acl", "test_object_raw_get", "test_object_copy_canned_acl", "test_object_anon_put_write_access")
def _():
    bucket, _ = with_foo()
    expect(failure("put_bucket_acl", Bucket=bucket, ACL="public-read")[1], "NotImplemented")
    for operation in ({"Body": b"x"}, {"CopySource": {"Bucket": bucket, "Key": "foo"}}):
        name = "put_object" if "Body" in operation else "copy_object"
        expect(failure(name, Bucket=bucket, Key="to", ACL="public-read", **operation)[1], "NotImplemented")


@add(refused, "test_object_copy_versioned_bucket", "test_object_copy_versioning_multipart_upload", "test_multipart_copy_versioned")
def _():
    bucket = new_bucket()
    enabled = {"Status": "Enabled"}
    expect(failure("put_bucket_versioning", Bucket=bucket, VersioningConfiguration=enabled)[1], "NotImplemented")


@add(refused, "test_put_object_ifnonmatch_good", "test_put_object_ifnonmatch_failed", "test_put_object_ifmatch_nonexisted_failed")
def _():
    bucket, put = with_foo()
    foo = {"Bucket": bucket, "Key": "foo", "Body": b"zar"}
    expect(failure("put_object", IfNoneMatch=put["ETag"], **foo)[1], "NotImplemented")
    expect(failure("put_object", IfMatch="*", **{**foo, "Key": "none"}), (404, "NoSuchKey"))


@add(passes, "test_multipart_upload_small", "test_multipart_upload")
def _():
    bucket = new_bucket()
    done = multipart(bucket, [b"x"])
    first = s3.complete_multipart_upload(**done)
    again = s3.complete_multipart_upload(**done)
    expect(again["ETag"], first["ETag"])


@add(missing, "test_bucket_recreate_not_overriding")
def _():
    bucket = new_bucket("foo")
    expect(failure("create_bucket", Bucket=bucket), (409, "BucketAlreadyOwnedByYou"))
    expect(listed(bucket), (["foo"], []))


def claimed(heading):
    """Returns the names in the row of the document's table that starts with the heading."""
    row = re.search(rf"^\| {heading} \|.*$", open(document).read(), re.MULTILINE)
    names = set()
    for name, ends in re.findall(r"`(test_\w+)(?:\{([^}]*)\})?`", row[0]):
        names |= {name + end for end in ends.split(",")}
    return names


for heading, checks in (("passes", passes), ("refused on purpose", refused), ("not yet", missing)):
    expect(sorted(claimed(heading) ^ set(checks)), [])
    for check in dict.fromkeys(checks.values()):
        names = [name for name, other in checks.items() if other is check]
        try:
            check()
        except Exception:
            print(f"failed: {', '.join(names)}", file=sys.stderr)
            raise
    print(f"S3 compatibility tests, {heading}: {len(checks)}")
for bucket in s3.list_buckets()["Buckets"]:
    if bucket["Name"].startswith("compatibility-"):
        for upload in s3.list_multipart_uploads(Bucket=bucket["Name"]).get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket["Name"], Key=upload["Key"], UploadId=upload["UploadId"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for item in page.get("Contents", []):
                s3.delete_object(Bucket=bucket["Name"], Key=item["Key"])
        s3.delete_bucket(Bucket=bucket["Name"])
