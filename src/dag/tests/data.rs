//! DAGs that are made from data files of the tree.

use super::{HEAD, model_of, only, show};

/// The model of a DAG file behind [`HEAD`] with other files beside it, as text.
fn with(files: &[(&str, &str)], source: &str) -> String {
    let source = format!("{HEAD}{source}");
    let mut all = vec![("dags/d.py", source.as_str())];
    all.extend_from_slice(files);
    show(&model_of(&all))
}

const TABLES: &str = "tables:\n  - name: users\n    full: yes\n  - name: orders\n    full: off\n";

#[test]
fn tasks_come_from_a_yaml_file_beside_the_dag() {
    let source = "import os, yaml\nwith open(os.path.join(os.path.dirname(__file__), 'config', 'tables.yml')) as f:\n    config = yaml.safe_load(f)\nwith DAG('d'):\n    for table in config['tables']:\n        EmptyOperator(task_id='load_' + table['name'] + ('_full' if table['full'] else ''))\n";
    insta::assert_snapshot!(with(&[("dags/config/tables.yml", TABLES)], source), @r"
    d
      load_users_full
      load_orders
    ");
    insta::assert_snapshot!(with(&[], source), @r"
    d (incomplete)
      ? 2: depends on a condition that is not known: the file `dags/config/tables.yml` is not in the tree
      ? 6: the task_id is not known: one of several values
    ");
}

#[test]
fn a_path_object_finds_its_file() {
    let source = "import json\nfrom pathlib import Path\nHERE = Path(__file__).resolve().parent\ndata = json.loads((HERE.parent / 'dags' / 'x.json').read_text())\nwith DAG(dag_id=f'{Path(__file__).stem}_x') as d:\n    for key, value in data.items():\n        EmptyOperator(task_id=f'{key}_{value}')\n";
    insta::assert_snapshot!(with(&[("dags/x.json", "{\"b\": 1, \"a\": 2}")], source), @r"
    d_x
      b_1
      a_2
    ");
}

#[test]
fn toml_csv_and_home_variables() {
    let source = "import os, csv, tomllib\nfrom airflow import settings\nfrom airflow.configuration import conf\nHOME = os.environ['AIRFLOW_HOME']\nwith open(f'{HOME}/dags/a.toml', 'rb') as f:\n    toml = tomllib.load(f)\nwith open(os.path.join(settings.DAGS_FOLDER, 'a.csv'), newline='') as f:\n    rows = list(csv.DictReader(f))\nnames = open(conf.get('core', 'dags_folder') + '/names.txt').read().split()\nwith DAG('d'):\n    for name in [*toml['z'], *(row['id'] for row in rows), *names]:\n        EmptyOperator(task_id=name)\n";
    let files = [
        ("dags/a.toml", "[z]\nlater = 1\n[z.early]\n"),
        ("dags/a.csv", "id,x\na1,2\nb2,3\n"),
        ("dags/names.txt", "n1\nn2\n"),
    ];
    insta::assert_snapshot!(with(&files, source), @r"
    d
      later
      early
      a1
      b2
      n1
      n2
    ");
}

#[test]
fn a_listing_is_known_once_it_is_sorted() {
    let files = [("dags/sql/a.sql", ""), ("dags/sql/b.sql", ""), ("dags/sql/c.txt", "")];
    let source = "from pathlib import Path\nwith DAG('d'):\n    for path in sorted((Path(__file__).parent / 'sql').glob('*.sql')):\n        EmptyOperator(task_id=path.stem)\n";
    insta::assert_snapshot!(with(&files, source), @r"
    d
      a
      b
    ");
    let source = "import os\nFOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sql')\nwith DAG('d'):\n    for name in sorted(n for n in os.listdir(FOLDER) if n.endswith('.sql')):\n        EmptyOperator(task_id=os.path.splitext(name)[0])\n";
    insta::assert_snapshot!(with(&files, source), @r"
    d
      a
      b
    ");
}

#[test]
fn what_python_leaves_beside_its_files_is_thought_of() {
    let source = "import os\nwith DAG('d'):\n    for name in sorted(os.listdir(os.path.dirname(__file__))):\n        EmptyOperator(task_id=name)\n";
    insta::assert_snapshot!(with(&[("dags/a.sql", "")], source), @r"
    d (incomplete)
      a.sql
      d.py
      ? 3: `__pycache__` may lie beside the files that are listed
    ");
}

const PARTS: [(&str, &str); 3] =
    [("dags/parts/__init__.py", ""), ("dags/parts/a.py", "ID = 'x'\n"), ("dags/parts/b.py", "ID = 'y'\n")];

#[test]
fn modules_of_a_folder_are_told_from_what_python_leaves_there() {
    let listings = [
        "(n[:-3] for n in os.listdir(FOLDER) if n.endswith('.py') and not n.startswith('__'))",
        "[p.stem for p in FOLDER.iterdir() if p.is_file() and p.stem != '__init__' and p.suffix == '.py']",
        "[f[:-3] for _, _, files in os.walk(FOLDER) for f in files if f.endswith('.py') and f[0] != '_']",
        "[os.path.basename(p)[:-3] for p in glob.glob(str(FOLDER / '*')) if p.endswith('.py') and os.path.basename(p) != '__init__.py']",
    ];
    for listing in listings {
        let source = format!(
            "import glob, importlib, os\nfrom pathlib import Path\nFOLDER = Path(__file__).parent / 'parts'\nfor name in {listing}:\n    with DAG(f'parts_{{name}}') as made:\n        EmptyOperator(task_id=importlib.import_module('parts.' + name).ID)\n    globals()[name] = made\n"
        );
        assert_eq!(with(&PARTS, &source), "parts_a\n  x\nparts_b\n  y\n", "{listing}");
    }
}

#[test]
fn a_dag_of_what_python_may_leave_is_not_missed() {
    let source = "import os\nfor name in os.listdir(os.path.join(os.path.dirname(__file__), 'parts')):\n    with DAG('d_' + name.replace('.py', '')) as made:\n        EmptyOperator(task_id='t')\n    globals()[name] = made\n";
    let shown = with(&PARTS, source);
    assert!(shown.contains("may lie beside the files that are listed"), "{shown}");
}

#[test]
fn a_line_of_a_file_is_found_by_an_expression() {
    let source = "import re\nfrom pathlib import Path\nfound = re.search(r'^-- after: (.+)$', Path(__file__).with_name('a.sql').read_text(), re.MULTILINE)\nwith DAG('d'):\n    EmptyOperator(task_id=found.group(1))\n";
    assert_eq!(with(&[("dags/a.sql", "select 1\n-- after: b\n")], source), "d\n  b\n");
}

#[test]
fn a_data_file_that_is_read_is_reached() {
    let source = format!(
        "{HEAD}import yaml\nfrom pathlib import Path\nnames = yaml.safe_load(Path(__file__).with_suffix('.yaml').read_text())\nwith DAG('d'):\n    for name in names:\n        EmptyOperator(task_id=name)\n"
    );
    let model = model_of(&[("dags/d.py", &source), ("dags/d.yaml", "[a, b]"), ("dags/e.yaml", "")]);
    let reaches: Vec<_> = only(&model).reaches.iter().map(crate::content::ContentPath::as_str).collect();
    assert_eq!(reaches, ["dags/d.py", "dags/d.yaml"]);
}

#[test]
fn a_data_file_that_python_refuses_is_an_import_error() {
    let source = "import json\nfrom pathlib import Path\nwith DAG('d'):\n    EmptyOperator(task_id='a')\n    x = json.loads(Path(__file__).with_name('x.json').read_text())\n";
    insta::assert_snapshot!(with(&[("dags/x.json", "{")], source), @r"
    error dags/d.py:10: JSONDecodeError: EOF while parsing an object at line 1 column 1
    ");
}
