// What the dashboard has to look like: Grafana's published types, made to fit JSON, and narrower
// where Grafana leaves open what only a panel's plugin knows.

import type {
  Dashboard as GrafanaDashboard,
  AnnotationQuery,
  DataQuery,
  DataTransformerConfig,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
  VariableModel,
} from "@grafana/schema";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// A type as JSON writes it: the members of an enum of strings are plain strings there.
type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

type Datasource = { type: "prometheus"; uid: "${datasource}" };

// The package has the query that all data sources share, but not Prometheus' own fields.
type PrometheusQuery = Omit<DataQuery, "datasource"> & {
  datasource: Datasource;
  expr: string;
  editorMode: "code";
  range?: boolean;
  instant?: boolean;
  format?: "time_series" | "table" | "heatmap";
  legendFormat?: string;
};

type PanelOf<Type extends string, Options, Custom> = Omit<
  Json<Panel>,
  "type" | "datasource" | "description" | "fieldConfig" | "gridPos" | "id" | "links" | "options" | "targets" | "title"
> & {
  type: Type;
  id: number;
  title: string;
  description: string;
  datasource: Datasource;
  gridPos: { h: number; w: number; x: number; y: number };
  fieldConfig: {
    defaults: Omit<Json<FieldConfig>, "custom"> & { custom?: Json<Custom> };
    overrides: FieldConfigSource["overrides"];
  };
  options: Json<Options>;
  targets: PrometheusQuery[];
  // The package wants all fields of a dashboard's link; Grafana stores these.
  links?: DataLink[];
};

type DataLink = { title: string; url: string; targetBlank: true };

type DataPanel =
  | PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | PanelOf<"stat", stat.Options, never>
  | PanelOf<"table", table.Options, table.FieldConfig>
  | PanelOf<"heatmap", heatmap.Options, heatmap.FieldConfig>;

// A closed row holds its panels; those of an open one follow it.
type Heading = Omit<Json<RowPanel>, "collapsed" | "panels" | "type"> & { type: "row" } & (
    | { collapsed: true; panels: DataPanel[] }
    | { collapsed: false; panels: [] }
  );

// The package has what all data sources share, but not Prometheus' own fields.
type Annotation = Omit<Json<AnnotationQuery>, "datasource"> & {
  datasource: Datasource;
  expr: string;
  step: string;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime?: true;
};

type Variable = Omit<Json<VariableModel>, "datasource"> & { datasource?: Datasource };

export type Dashboard = Omit<Json<GrafanaDashboard>, "annotations" | "panels" | "templating" | "uid"> & {
  uid: string;
  annotations: { list: Annotation[] };
  templating: { list: Variable[] };
  panels: (Heading | DataPanel)[];
};
