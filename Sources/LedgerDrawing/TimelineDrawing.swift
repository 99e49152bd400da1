/// Numbers over time as step lines, one panel each, over a shared axis, with the entries that made them.
package struct TimelineDrawing {
  /// One number over time, and what it is measured against.
  package struct Panel {
    package var title: String
    package var quantity: Quantity
    package var points: [StepPoint]
    /// What it should not pass; empty where there is no such thing.
    package var limits: [StepPoint]

    package init(
      _ title: String, _ quantity: Quantity, _ points: [StepPoint], limits: [StepPoint] = []
    ) {
      self.title = title
      self.quantity = quantity
      self.points = points
      self.limits = limits
    }
  }

  private let title: String
  private let description: String
  private let panels: [Panel]
  private let marks: [EventMark]
  private let axis: TimeAxis

  /// A drawing of the moments from `start` to `end`, in microseconds.
  ///
  /// Points and marks are in order of time; those outside the interval are not drawn.
  package init(
    title: String, description: String, from start: Int64, to end: Int64, _ panels: [Panel],
    _ marks: [EventMark]
  ) {
    self.title = title
    self.description = description
    self.panels = panels
    self.marks = marks
    axis = TimeAxis(from: start, to: end)
  }

  private enum Layout {
    static let width = 960.0
    static let left = 170.0
    static let plotWidth = 650.0
    static let top = 64.0
    static let panelHeight = 88.0
    static let panelGap = 40.0
    static let laneHeight = 20.0
    /// Two columns a pixel, as on most screens.
    static let columnCount = 1_300
  }

  /// The SVG document: the same bytes for the same history, and of a size that does not grow with it.
  package var svg: String {
    let lanes = EventLanes(marks, axis, columnCount: Int(Layout.plotWidth) / 5)
    let plotBottom =
      Layout.top + Double(panels.count) * (Layout.panelHeight + Layout.panelGap) - Layout.panelGap
    let lanesTop = plotBottom + 62
    let height = lanesTop + Double(lanes.lanes.count) * Layout.laneHeight + 14
    var text = head(height)
    text += timeTicks(from: Layout.top, to: plotBottom)
    for (index, panel) in panels.enumerated() {
      text += draw(
        panel, top: Layout.top + Double(index) * (Layout.panelHeight + Layout.panelGap))
    }
    text += draw(lanes, top: lanesTop)
    return text + "</svg>\n"
  }

  private func head(_ height: Double) -> String {
    let size = "\(Markup.pixels(Layout.width)) \(Markup.pixels(height))"
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" width="\(Markup.pixels(Layout.width))" \
      height="\(Markup.pixels(height))" role="img" aria-labelledby="title desc">
      <title id="title">\(Markup.escaped(title))</title>
      <desc id="desc">\(Markup.escaped(description))</desc>
      <style>
      .page{fill:#fff}.text{fill:#1f2937}.faint{fill:#6b7280}.grid{stroke:#e5e7eb}.axis{stroke:#9ca3af}
      .line{stroke:#2563eb}.area{fill:#2563eb}.limit{stroke:#b45309}.limittext{fill:#b45309}.mark{fill:#0f766e}.many{fill:#0f766e}
      .void{fill:none;stroke:#b91c1c}
      text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
      .heading{font-size:15px;font-weight:600}.name{font-weight:600}
      .line,.limit{fill:none;stroke-width:1.5;stroke-linejoin:round}.limit{stroke-dasharray:5 3}.area{opacity:.12}.grid,.axis{stroke-width:1}
      @media (prefers-color-scheme:dark){
      .page{fill:#0f172a}.text{fill:#e5e7eb}.faint{fill:#94a3b8}.grid{stroke:#1e293b}.axis{stroke:#64748b}
      .line{stroke:#60a5fa}.area{fill:#60a5fa}.limit{stroke:#fbbf24}.limittext{fill:#fbbf24}.mark{fill:#2dd4bf}.many{fill:#2dd4bf}
      .void{stroke:#f87171}}
      </style>
      <rect class="page" width="100%" height="100%"/>
      <text class="text heading" x="20" y="28">\(Markup.escaped(EventLanes.shortened(title, 100)))</text>

      """
  }

  private func x(_ moment: Int64) -> Double { Layout.left + axis.place(moment) * Layout.plotWidth }

  private func line(
    _ name: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double
  ) -> String {
    "<path class=\"\(name)\" d=\"M\(Markup.pixels(x1)) \(Markup.pixels(y1))L\(Markup.pixels(x2)) \(Markup.pixels(y2))\"/>\n"
  }

  private func label(
    _ name: String, _ x: Double, _ y: Double, _ text: String, anchor: String = "start"
  ) -> String {
    "<text class=\"\(name)\" x=\"\(Markup.pixels(x))\" y=\"\(Markup.pixels(y))\""
      + (anchor == "start" ? "" : " text-anchor=\"\(anchor)\"")
      + ">\(Markup.escaped(text))</text>\n"
  }

  private func timeTicks(from top: Double, to bottom: Double) -> String {
    var text = ""
    for tick in axis.ticks(8) {
      text += line("grid", x(tick.moment), top, x(tick.moment), bottom + 5)
      text += label("faint", x(tick.moment), bottom + 19, tick.label, anchor: "middle")
    }
    return text
      + label(
        "faint", Layout.left, bottom + 36,
        "\(TimelineDrawing.moment(axis.start)) to \(TimelineDrawing.moment(axis.end)), UTC")
  }

  private static func moment(_ microseconds: Int64) -> String {
    EventMark.text(of: microseconds)
  }

  // MARK: - Panels

  private func draw(_ panel: Panel, top: Double) -> String {
    let line = StepLine(panel.points, axis, columnCount: Layout.columnCount)
    let limit = StepLine(panel.limits, axis, columnCount: Layout.columnCount)
    let highest = (line.pieces + limit.pieces).joined().map(\.value).max() ?? 0
    let scale = ValueAxis(panel.quantity, maximum: highest)
    let bottom = top + Layout.panelHeight
    func y(_ value: Double) -> Double {
      bottom - max(0, min(value / scale.top, 1)) * Layout.panelHeight
    }
    var text = label("text name", 20, top + 4, panel.title)
    if !scale.unit.isEmpty { text += label("faint", 20, top + 19, scale.unit) }
    for tick in scale.ticks {
      text += self.line(
        tick.value == 0 ? "axis" : "grid", Layout.left, y(tick.value),
        Layout.left + Layout.plotWidth, y(tick.value))
      text += label("faint", Layout.left - 8, y(tick.value) + 4, tick.label, anchor: "end")
    }
    for piece in line.pieces { text += area(piece, bottom, y) }
    for piece in line.pieces { text += path("line", piece, y) }
    // Above the line, so that it is seen where both are equal.
    for piece in limit.pieces { text += path("limit", piece, y) }
    return text + lastValues(line, limit, panel.quantity, y)
  }

  /// The path of a piece; runs in one direction are one command.
  private func steps(_ piece: [StepLine.Corner], _ y: (Double) -> Double) -> String {
    guard let first = piece.first else { return "" }
    func x(_ column: Int) -> String {
      Markup.pixels(
        Layout.left + Double(column) * Layout.plotWidth / Double(Layout.columnCount))
    }
    var text = "M\(x(first.column)) \(Markup.pixels(y(Double(first.value))))"
    var last = first
    for corner in piece.dropFirst() {
      if corner.column != last.column { text += "H\(x(corner.column))" }
      if corner.value != last.value { text += "V\(Markup.pixels(y(Double(corner.value))))" }
      last = corner
    }
    return text
  }

  private func path(
    _ name: String, _ piece: [StepLine.Corner], _ y: (Double) -> Double
  ) -> String {
    "<path class=\"\(name)\" d=\"\(steps(piece, y))\"/>\n"
  }

  private func area(
    _ piece: [StepLine.Corner], _ bottom: Double, _ y: (Double) -> Double
  ) -> String {
    let left =
      Layout.left
      + Double(piece.first?.column ?? 0) * Layout.plotWidth / Double(Layout.columnCount)
    return
      "<path class=\"area\" d=\"\(steps(piece, y))V\(Markup.pixels(bottom))H\(Markup.pixels(left))Z\"/>\n"
  }

  /// The values at the end, beside the lines.
  private func lastValues(
    _ line: StepLine, _ limit: StepLine, _ quantity: Quantity, _ y: (Double) -> Double
  ) -> String {
    let end = Layout.left + Layout.plotWidth + 8
    func last(_ line: StepLine) -> Int64? {
      guard let corner = line.pieces.last?.last, corner.column == Layout.columnCount else {
        return nil
      }
      return corner.value
    }
    var text = ""
    var place = -100.0
    if let value = last(line) {
      place = y(Double(value)) + 4
      text += label("text", end, place, quantity.text(value))
    }
    if let value = last(limit) {
      var other = y(Double(value)) + 4
      // Two labels do not stand on one another.
      if abs(other - place) < 13 { other = other <= place ? place - 13 : place + 13 }
      text += label("limittext", end, other, "of " + quantity.text(value))
    }
    return text
  }

  // MARK: - Events

  private func draw(_ lanes: EventLanes, top: Double) -> String {
    var text = ""
    for (index, lane) in lanes.lanes.enumerated() {
      let middle = top + Double(index) * Layout.laneHeight
      text += label("text", Layout.left - 12, middle + 4, lane.name, anchor: "end")
      text += line("grid", Layout.left, middle, Layout.left + Layout.plotWidth, middle)
      for group in lane.groups {
        text += draw(group, x(group.time), x(group.lastTime), middle)
      }
      text += label(
        "faint", Layout.left + Layout.plotWidth + 8, middle + 4,
        "\(lane.count)" + (lane.count == 1 ? " entry" : " entries"))
      guard lanes.hasLabels else { continue }
      var free = Layout.left
      for group in lane.groups {
        let width = 6.6 * Double(group.label.unicodeScalars.count)
        let isRight = x(group.lastTime) + 6 + width <= Layout.left + Layout.plotWidth
        let place = isRight ? x(group.lastTime) + 6 : x(group.time) - 6 - width
        guard place >= free else { continue }
        text += label("faint", place, middle - 3, group.label)
        free = place + width + 4
      }
    }
    return text
  }

  private func draw(
    _ group: EventLanes.Group, _ from: Double, _ to: Double, _ middle: Double
  ) -> String {
    let tip = "<title>\(Markup.escaped(group.text))</title>"
    if group.count > 1 {
      return
        "<rect class=\"many\" x=\"\(Markup.pixels(from - 2))\" y=\"\(Markup.pixels(middle - 5))\" width=\"\(Markup.pixels(max(4, to - from + 4)))\" height=\"10\" rx=\"2\">\(tip)</rect>\n"
    }
    return
      "<circle class=\"\(group.isIneffective ? "void" : "mark")\" cx=\"\(Markup.pixels(from))\" cy=\"\(Markup.pixels(middle))\" r=\"3.5\">\(tip)</circle>\n"
  }
}
