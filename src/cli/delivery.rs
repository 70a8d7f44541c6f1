//! How a home is written: from arguments and Airflow's own configuration to settings.

use crate::config::{
    DeliveryArguments, DriftArgument, Environment, ModeArgument, OrderArgument, airflow_config, airflow_folder,
};
use crate::content::{Order, Planner};
use crate::publish::{self, PublishMode};
use crate::sync::{Delivery, OnDrift, Settings};
use std::path::{Path, PathBuf};

pub(super) fn delivery(arguments: &DeliveryArguments, home: &Path, environment: &Environment) -> Delivery {
    let folder = |given: &Option<PathBuf>, name: &str| {
        let said = || said(name, home, environment).ok().flatten();
        given.clone().or_else(said).filter(|folder| *folder != home.join(name))
    };
    Delivery {
        planner: Planner {
            order: match arguments.order {
                OrderArgument::ByRoot => Order::ByRoot,
                OrderArgument::AdditionsFirst => Order::AdditionsFirst,
            },
            most_loss: Some(arguments.most_loss),
            confirmed: arguments.confirm.clone(),
        },
        options: publish::Options {
            ignore_plugin_folders: !arguments.no_plugins_ignore,
            mode: match arguments.mode {
                ModeArgument::InPlace => PublishMode::InPlace,
                ModeArgument::Symlink => PublishMode::Symlink,
            },
        },
        drift: match arguments.drift {
            DriftArgument::Repair => OnDrift::Repair,
            DriftArgument::Report => OnDrift::Report,
            DriftArgument::Ignore => OnDrift::Ignore,
        },
        dags_folder: folder(&arguments.dags_folder, "dags"),
        plugins_folder: folder(&arguments.plugins_folder, "plugins"),
    }
}

/// What Airflow's own configuration says of its folder of that name.
fn said(name: &str, home: &Path, environment: &Environment) -> Result<Option<PathBuf>, String> {
    let own = home.to_string_lossy();
    let config = std::fs::read_to_string(airflow_config(environment, &own)).ok();
    airflow_folder(&format!("{name}_folder"), environment, config.as_deref(), &own)
}

/// Folders that Airflow's configuration names in a way that cannot be followed here: what is
/// delivered may not be where Airflow looks for it.
pub(super) fn unresolved(arguments: &DeliveryArguments, home: &Path, environment: &Environment) -> Vec<String> {
    [("dags", &arguments.dags_folder), ("plugins", &arguments.plugins_folder)]
        .into_iter()
        .filter(|(_, given)| given.is_none())
        .filter_map(|(name, _)| Some((name, said(name, home, environment).err()?)))
        .map(|(name, text)| {
            let place = home.join(name);
            format!(
                "Airflow's configuration names its {name} folder `{text}`, which only Airflow can resolve: \
                 delivering into `{}`; --{name}-folder names the right one",
                place.display()
            )
        })
        .collect()
}

/// Folders outside of the home's usual places, each worth a line at the start.
pub(super) fn elsewhere(settings: &Settings) -> Vec<String> {
    [("DAGs", &settings.delivery.dags_folder), ("plugins", &settings.delivery.plugins_folder)]
        .into_iter()
        .filter_map(|(what, folder)| Some((what, folder.as_ref()?)))
        .map(|(what, folder)| {
            format!("the {what} folder is where Airflow's configuration has it: {}", folder.display())
        })
        .collect()
}
