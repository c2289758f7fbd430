"""boto3 and its transfer manager against a served store: uploads of 200 MiB with 8 threads, conditions, checksums, listings,
presigned URLs, and what must be refused. Arguments: the URL of the gateway, and an empty folder."""

import hashlib
import os
import sys
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

url, folder = sys.argv[1:3]
MIB = 1 << 20
BUCKET = "boto3"


def client(key, secret, **options):
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", retries={"max_attempts": 1}, **options),
    )


s3 = client("WRITER", "secret of the writer")


def code_of(operation, **arguments):
    """Returns the code of the error that an operation must have."""
    try:
        getattr(s3, operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{operation} was not refused")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def transfers():
    """Large files, in parts of several sizes that 8 threads send in any order."""
    path = os.path.join(folder, "large")
    with open(path, "wb") as file:
        for _ in range(200):
            file.write(os.urandom(MIB))
    for part in (8 * MIB, 5 * MIB + 1, 64 * MIB):
        config = TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_concurrency=8)
        s3.upload_file(path, BUCKET, "large", Config=config, ExtraArgs={"Metadata": {"name": "value"}})
        head = s3.head_object(Bucket=BUCKET, Key="large")
        parts = -(-200 * MIB // part)
        assert head["ContentLength"] == 200 * MIB and head["Metadata"] == {"name": "value"}, head
        assert head["ETag"].endswith(f'-{parts}"'), head["ETag"]
        s3.download_file(BUCKET, "large", path + ".back", Config=config)
        assert sha256(path) == sha256(path + ".back"), part
    # A single request of 200 MiB.
    with open(path, "rb") as file:
        s3.put_object(Bucket=BUCKET, Key="single", Body=file, ChecksumAlgorithm="SHA256")
    s3.download_file(BUCKET, "single", path + ".back")
    assert sha256(path) == sha256(path + ".back")
    # The transfer manager copies a large object in parts.
    config = TransferConfig(multipart_threshold=50 * MIB, multipart_chunksize=50 * MIB)
    s3.copy({"Bucket": BUCKET, "Key": "large"}, BUCKET, "copy", Config=config)
    s3.download_file(BUCKET, "copy", path + ".back")
    assert sha256(path) == sha256(path + ".back")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in ("large", "single", "copy")]})
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def small_objects():
    body = b"hello"
    put = s3.put_object(
        Bucket=BUCKET,
        Key="a b/\u00e4+%&=?#\u20ac.txt",
        Body=body,
        ContentType="text/plain",
        CacheControl="no-cache",
        Metadata={"one": "1"},
    )
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=BUCKET, Key="a b/\u00e4+%&=?#\u20ac.txt")
    assert got["Body"].read() == body and got["ContentType"] == "text/plain" and got["CacheControl"] == "no-cache"
    assert got["Metadata"] == {"one": "1"}
    assert s3.get_object(Bucket=BUCKET, Key="a b/\u00e4+%&=?#\u20ac.txt", Range="bytes=1-2")["Body"].read() == b"el"
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        put = s3.put_object(Bucket=BUCKET, Key="sum", Body=body, ChecksumAlgorithm=algorithm)
        assert put[f"Checksum{algorithm}"], put
    wrong = "A" * 43 + "="
    assert code_of("put_object", Bucket=BUCKET, Key="sum", Body=body, ChecksumSHA256=wrong) == "BadDigest"
    assert code_of("put_object", Bucket=BUCKET, Key="sum", Body=body, ChecksumSHA256="AAAA") == "InvalidRequest"
    assert code_of("put_object", Bucket=BUCKET, Key="sum", Body=body, IfNoneMatch="*") == "PreconditionFailed"
    etag = s3.head_object(Bucket=BUCKET, Key="sum")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="sum", Body=b"other", IfMatch=etag)
    assert code_of("put_object", Bucket=BUCKET, Key="sum", Body=body, IfMatch=etag) == "PreconditionFailed"
    assert code_of("get_object", Bucket=BUCKET, Key="missing") == "NoSuchKey"
    assert code_of("get_object", Bucket="missing", Key="missing") == "NoSuchBucket"


def listings():
    for number in range(25):
        s3.put_object(Bucket=BUCKET, Key=f"list/{number // 5}/{number:02}", Body=b"x")
    for name in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(name).paginate(
            Bucket=BUCKET, Prefix="list/", PaginationConfig={"PageSize": 4}
        )
        keys = [object["Key"] for page in pages for object in page.get("Contents", [])]
        assert keys == [f"list/{number // 5}/{number:02}" for number in range(25)], keys
        pages = s3.get_paginator(name).paginate(
            Bucket=BUCKET, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 2}
        )
        folders = [folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", [])]
        assert folders == [f"list/{number}/" for number in range(5)], folders
    uploads = [s3.create_multipart_upload(Bucket=BUCKET, Key=f"up/{number % 3}/{number}") for number in range(9)]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=BUCKET, Prefix="up/", Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    folders = [folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", [])]
    assert folders == [f"up/{number}/" for number in range(3)], folders
    for upload in uploads:
        s3.abort_multipart_upload(**{name: upload[name] for name in ("Bucket", "Key", "UploadId")})


def parts():
    """A part of 100 MiB and a last one, which are read by their numbers, and an object in one piece."""
    upload = {"Bucket": BUCKET, "Key": "parts"}
    bodies = [os.urandom(100 * MIB), os.urandom(7)]
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    sent = [
        {"PartNumber": number, "ETag": s3.upload_part(PartNumber=number, Body=body, **upload)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    assert code_of("upload_part", PartNumber=10_001, Body=b"x", **upload) == "InvalidArgument"
    s3.complete_multipart_upload(MultipartUpload={"Parts": sent}, **upload)
    for number, body in enumerate(bodies, 1):
        part = {"Bucket": BUCKET, "Key": "parts", "PartNumber": number}
        head, got = s3.head_object(**part), s3.get_object(**part)
        assert head["PartsCount"] == got["PartsCount"] == 2 and head["ContentLength"] == len(body), head
        assert got["Body"].read() == body
    assert code_of("get_object", Bucket=BUCKET, Key="parts", PartNumber=3) == "InvalidPartNumber"
    s3.put_object(Bucket=BUCKET, Key="parts", Body=b"whole")
    got = s3.get_object(Bucket=BUCKET, Key="parts", PartNumber=1)
    assert got["Body"].read() == b"whole" and "PartsCount" not in got


def presigned():
    put = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "presigned"}, ExpiresIn=60)
    request = urllib.request.Request(put, data=b"presigned", method="PUT")
    assert urllib.request.urlopen(request).status == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "presigned"}, ExpiresIn=60)
    assert urllib.request.urlopen(get).read() == b"presigned"
    try:
        urllib.request.urlopen(get.replace("presigned", "sum", 1))
        raise AssertionError("another object was read with the signature")
    except urllib.error.HTTPError as error:
        assert error.code == 403, error


def posted():
    """A form of a browser, with a policy that is signed."""
    post = s3.generate_presigned_post(BUCKET, "posted", ExpiresIn=60)
    fields = [f'name="{name}"\r\n\r\n{value}\r\n' for name, value in post["fields"].items()]
    fields.append('name="file"; filename="f"\r\n\r\nposted\r\n')
    body = "".join(f"--boundary\r\nContent-Disposition: form-data; {field}" for field in fields)
    headers = {"Content-Type": "multipart/form-data; boundary=boundary"}
    for key, expected in (("posted", (204,)), ("other", (400, 403))):
        data = body.replace('name="key"\r\n\r\nposted', f'name="key"\r\n\r\n{key}') + "--boundary--\r\n"
        request = urllib.request.Request(post["url"], data=data.encode(), headers=headers, method="POST")
        try:
            status = urllib.request.urlopen(request).status
        except urllib.error.HTTPError as error:
            status = error.code
        assert status in expected, (key, status)
    assert s3.get_object(Bucket=BUCKET, Key="posted")["Body"].read() == b"posted"


def refusals():
    reader = client("READER", "secret of the reader")
    assert reader.get_object(Bucket=BUCKET, Key="presigned")["Body"].read() == b"presigned"
    for other, code in ((reader, "AccessDenied"), (client("WRITER", "wrong"), "SignatureDoesNotMatch")):
        try:
            other.put_object(Bucket=BUCKET, Key="refused", Body=b"x")
            raise AssertionError("the request was not refused")
        except ClientError as error:
            assert error.response["Error"]["Code"] == code, error
    assert code_of("put_object", Bucket=BUCKET, Key="x", Body=b"", ServerSideEncryption="AES256") == "NotImplemented"
    assert code_of("put_object_tagging", Bucket=BUCKET, Key="sum", Tagging={"TagSet": []}) == "NotImplemented"
    assert code_of("get_bucket_acl", Bucket=BUCKET) == "NotImplemented"


s3.create_bucket(Bucket=BUCKET)
assert BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
for check in (small_objects, listings, parts, presigned, posted, refusals, transfers):
    check()
    print(f"boto3: {check.__name__}")
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": object["Key"]} for object in page["Contents"]]})
s3.delete_bucket(Bucket=BUCKET)
