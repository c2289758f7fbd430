//! Draws the results: instructions per operation over the number of items, both axes logarithmic.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use plotters::prelude::*;

type Points = Vec<(f64, f64)>;

pub(crate) fn draw(lines: impl BufRead, file: &Path) {
    let mut series: BTreeMap<String, Points> = BTreeMap::new();
    for line in lines.lines() {
        let line = line.expect("the figures can be read");
        let fields: Vec<_> = line.split('\t').collect();
        let [name, count, instructions, ..] = fields[..] else { panic!("not a result: {line}") };
        let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{text} is not a number"));
        series.entry(name.to_owned()).or_default().push((number(count), number(instructions)));
    }
    chart(&series, file).expect("the chart can be drawn");
}

fn chart(series: &BTreeMap<String, Points>, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(file, (1_100, 700)).into_drawing_area();
    root.fill(&WHITE)?;
    let (plot, legend) = root.split_horizontally(820);
    let mut chart = ChartBuilder::on(&plot)
        .caption("Instructions of an operation, as there is more", ("sans-serif", 22))
        .margin(15)
        .x_label_area_size(45)
        .y_label_area_size(65)
        .build_cartesian_2d((1e3..1e7f64).log_scale(), (1e3..1e7f64).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("objects, entries, uploads, changes")
        .y_desc("instructions")
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .draw()?;
    // The legend in the order of the lines, from above.
    let last = |points: &Points| points.last().map_or(0.0, |(_, instructions)| *instructions);
    let mut series: Vec<_> = series.iter().collect();
    series.sort_by(|(_, one), (_, other)| last(other).total_cmp(&last(one)));
    for (number, (name, points)) in series.into_iter().enumerate() {
        let line = Palette99::pick(number).stroke_width(2);
        chart.draw_series(LineSeries::new(points.iter().copied(), line).point_size(3))?;
        let y = 60 + 24 * number as i32;
        legend.draw(&PathElement::new([(0, y), (24, y)], line))?;
        legend.draw(&Text::new(name.as_str(), (32, y - 8), ("sans-serif", 14)))?;
    }
    root.present()?;
    Ok(())
}

/// Formats a power of ten, for example 10 K.
fn short(number: &f64) -> String {
    match *number {
        number if number >= 1e6 => format!("{} M", number / 1e6),
        number if number >= 1e3 => format!("{} K", number / 1e3),
        number => format!("{number}"),
    }
}
