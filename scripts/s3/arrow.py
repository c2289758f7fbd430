"""pyarrow, whose S3 client is the AWS SDK for C++, against a served store: a dataset in Parquet that is written and read.
Argument: the URL of the gateway."""

import sys

import pyarrow
import pyarrow.dataset
import pyarrow.fs

host = sys.argv[1].removeprefix("http://")
s3 = pyarrow.fs.S3FileSystem(
    access_key="WRITER",
    secret_key="secret of the writer",
    region="us-east-1",
    scheme="http",
    endpoint_override=host,
    allow_bucket_creation=True,
    allow_bucket_deletion=True,
)
s3.create_dir("arrow")
table = pyarrow.table({"part": [number % 3 for number in range(3_000)], "value": range(3_000)})
partitioning = pyarrow.dataset.partitioning(pyarrow.schema([("part", pyarrow.int64())]), flavor="hive")
for _ in range(2):
    pyarrow.dataset.write_dataset(
        table,
        "arrow/a dataset",
        filesystem=s3,
        format="parquet",
        partitioning=partitioning,
        existing_data_behavior="delete_matching",
    )
read = pyarrow.dataset.dataset("arrow/a dataset", filesystem=s3, partitioning=partitioning).to_table()
assert read.num_rows == 3_000 and sorted(read["value"].to_pylist()) == list(range(3_000)), read
assert read["part"].to_pylist().count(1) == 1_000, read
with s3.open_output_stream("arrow/empty"):
    pass
assert s3.open_input_file("arrow/empty").read() == b""
s3.move("arrow/empty", "arrow/moved+ %")
assert s3.get_file_info("arrow/moved+ %").size == 0
s3.delete_dir("arrow")
