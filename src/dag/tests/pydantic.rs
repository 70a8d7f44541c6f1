//! Models of pydantic: what the fields hold is what it makes of the arguments.

use super::{model, show};

const MODELS: &str = "import os\nfrom enum import Enum\nfrom pathlib import Path\nfrom typing import Dict, List, Literal, Optional, Union\nfrom pydantic import BaseModel, BaseSettings, ConfigDict, Field, validator\n\
class Layer(str, Enum):\n    RAW = 'raw'\n    GOLD = 'gold'\n\
class Step(BaseModel):\n    id: str\n    after: List[str] = []\n    layer: Layer = Layer.RAW\n    n: int = 1\n    on: bool = True\n\
class Conf(BaseModel):\n    name: str = Field(alias='dagId')\n    steps: 'List[Step]' = Field(default_factory=list)\n    more: Dict[str, Step] = {}\n    sql: Optional[Path] = None\n    owner: Optional[str]\n    size: Union[None, Literal['s', 'l']] = None\n\
class Checked(BaseModel):\n    name: str\n    @validator('name')\n    def lower(cls, value):\n        return value.lower()\n\
class Trimmed(BaseModel):\n    name: str\n    class Config:\n        anystr_strip_whitespace = True\n\
class Fixed(BaseModel):\n    model_config = ConfigDict(frozen=True, extra='forbid')\n    name: str\n\
class Lower(BaseModel):\n    model_config = ConfigDict(str_to_lower=True)\n    name: str\n\
class Settings(BaseSettings):\n    env: str = 'dev'\n";

fn shown(source: &str) -> String {
    show(&model(&format!("{MODELS}{source}")))
}

#[test]
fn models_are_made_of_dicts() {
    let made = shown(
        "raw = {'dagId': 'd', 'steps': [{'id': 'a', 'layer': 'gold', 'n': '2'}, {'id': 'b', 'after': ['a'], 'on': 'no'}], 'more': {'k': {'id': 'c'}}, 'sql': '/x/y.sql'}\n\
for conf in (Conf(**raw), Conf.parse_obj({**raw, 'dagId': 'e'})):\n    with DAG(conf.name) as made:\n        tasks = {s.id: EmptyOperator(task_id=f'{s.id}_{s.layer.value}_{s.n + 1}_{s.on}') for s in [*conf.steps, *conf.more.values()]}\n        for s in conf.steps:\n            for before in s.after:\n                tasks[before] >> tasks[s.id]\n        EmptyOperator(task_id=conf.sql.stem)\n    globals()[conf.name] = made\n",
    );
    let dag = "  a_gold_3_True\n  b_raw_2_False <- a_gold_3_True\n  c_raw_2_True\n  y\n";
    assert_eq!(made, format!("d\n{dag}e\n{dag}"));
}

#[test]
fn a_default_is_each_instance_its_own() {
    let made = shown(
        "one, two = Step(id='a'), Step(id='b')\none.after.append('x')\nwith DAG('d'):\n    EmptyOperator(task_id=f't{len(one.after)}{len(two.after)}')\n",
    );
    assert_eq!(made, "d\n  t10\n");
}

#[test]
fn what_is_not_known_of_a_field_is_said() {
    for value in [
        "Checked(name='A').name",
        "Trimmed(name=' a ').name",
        "Lower(name='A').name",
        "Conf(dagId='x').owner",
        "Conf(name='x').name",
        "Conf(dagId='x', size='m').size",
        "Step(id=5).id",
        "Settings().env",
        "Conf(dagId=os.environ['X']).name",
    ] {
        let made = shown(&format!("with DAG('d'):\n    EmptyOperator(task_id={value})\n"));
        assert!(made.starts_with("d (incomplete)"), "{value}\n{made}");
    }
    for value in ["Settings(env='x').env", "Fixed(name='x').name"] {
        assert_eq!(shown(&format!("with DAG('d'):\n    EmptyOperator(task_id={value})\n")), "d\n  x\n", "{value}");
    }
}
