//! Draws the figures: instructions of an operation over the number of things, both axes logarithmic.

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
        let [name, count, instructions, ..] = fields[..] else { panic!("this is no figure: {line}") };
        let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{text} is no number"));
        series.entry(name.to_owned()).or_default().push((number(count), number(instructions)));
    }
    chart(&series, file).expect("the chart can be drawn");
}

fn chart(series: &BTreeMap<String, Points>, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(file, (1_100, 700)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Instructions of an operation, as there is more", ("sans-serif", 22))
        .margin(15)
        .x_label_area_size(45)
        .y_label_area_size(75)
        .right_y_label_area_size(270)
        .build_cartesian_2d((1e3..1e7f64).log_scale(), (1e3..1e8f64).log_scale())?;
    chart.configure_mesh().x_desc("objects, entries, uploads, changes").y_desc("instructions").draw()?;
    for (number, (name, points)) in series.iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::Coordinate(760, 5))
        .background_style(WHITE.mix(0.9))
        .label_font(("sans-serif", 13))
        .draw()?;
    root.present()?;
    Ok(())
}
