//! Writes a table to a Parquet file in a store, and reads two of its columns back:
//! `cargo run --locked --example parquet`.
//!
//! The store is a canister in this process. With another transport, it is one in a folder or on a network.

use std::{error::Error, ops::Range, sync::Arc};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use embedded_ic::{Config, EmbeddedIc};
use futures_util::{FutureExt, TryFutureExt, TryStreamExt, future::BoxFuture};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, buffered::BufWriter, path::Path};
use parquet::{
    arrow::{
        AsyncArrowWriter, ParquetRecordBatchStreamBuilder, ProjectionMask, arrow_reader::ArrowReaderOptions,
        async_reader::AsyncFileReader,
    },
    errors::ParquetError,
    file::metadata::{ParquetMetaData, ParquetMetaDataReader},
};
use stable_storage_api::InitArgs;
use storage_client::{Client, EmbeddedTransport};
use storage_object_store::CanisterStore;
use storage_wasm::STORAGE_WASM;

const ROWS: i64 = 1_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let store: Arc<dyn ObjectStore> = Arc::new(open()?);
    let path = Path::from("tables/numbers.parquet");

    // The file is sent in parts, as row groups are complete.
    let table = table()?;
    let sink = BufWriter::new(Arc::clone(&store), path.clone());
    let mut writer = AsyncArrowWriter::try_new(sink, table.schema(), None)?;
    writer.write(&table).await?;
    writer.close().await?;
    let meta = store.head(&path).await?;
    println!("{path} has {} bytes", meta.size);

    // The reader requests the ranges of the columns that it needs.
    let builder = ParquetRecordBatchStreamBuilder::new(File { store, meta }).await?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["number", "square"]);
    let mut batches = builder.with_projection(columns).build()?;
    let (mut rows, mut sum) = (0, 0);
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows();
        let squares = batch.column_by_name("square").and_then(|column| column.as_any().downcast_ref());
        let squares: &Int64Array = squares.ok_or("the column has another type")?;
        sum += squares.values().iter().sum::<i64>();
    }
    println!("{rows} rows, the sum of the squares is {sum}");
    assert_eq!((rows as i64, sum), (ROWS, (ROWS - 1) * ROWS * (2 * ROWS - 1) / 6));
    Ok(())
}

/// A Parquet file in a store.
struct File {
    store: Arc<dyn ObjectStore>,
    meta: ObjectMeta,
}

impl AsyncFileReader for File {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.store.get_range(&self.meta.location, range).map_err(external).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { self.store.get_ranges(&self.meta.location, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let size = self.meta.size;
        ParquetMetaDataReader::new().load_and_finish(self, size).map_ok(Arc::new).boxed()
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Opens a store in this process.
fn open() -> Result<CanisterStore<EmbeddedTransport>, Box<dyn Error>> {
    let mut host = EmbeddedIc::new(Config::default())?;
    let owner = host.controllers()[0];
    host.install(STORAGE_WASM, &candid::encode_one(None::<InitArgs>)?)?;
    Ok(CanisterStore::new(Client::new(EmbeddedTransport::new(host, owner))))
}

fn table() -> Result<RecordBatch, Box<dyn Error>> {
    let numbers = Int64Array::from_iter_values(0..ROWS);
    let squares = Int64Array::from_iter_values((0..ROWS).map(|number| number * number));
    let names = StringArray::from_iter_values((0..ROWS).map(|number| format!("number {number}")));
    let columns: [(&str, ArrayRef); 3] =
        [("number", Arc::new(numbers)), ("square", Arc::new(squares)), ("name", Arc::new(names))];
    Ok(RecordBatch::try_from_iter(columns)?)
}
