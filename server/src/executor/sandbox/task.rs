//! The builder's commands.

use std::fs;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::timeout;

use super::super::{Error, Exit, Lines, Task, Workbench};
use super::check::{check_env, check_folder};
use super::error::io_error;
use super::start::{OWN_PIDS, Plan};
use super::weights::Owner;
use super::{Sandbox, host};

#[async_trait]
impl Workbench for Sandbox {
    async fn task(&self, task: Task, lines: Lines) -> Result<Exit, Error> {
        check_env(&task.env)?;
        check_folder(&task.folder)?;
        if task.command.is_empty() {
            return Err(Error::Refused(format!("the command of {} is empty", task.name)));
        }
        for folder in task.caches.values() {
            fs::create_dir_all(folder).map_err(io_error(format!("make the folder {}", folder.display())))?;
        }
        let mut env = self.basic_env();
        let mut readable = task.readable;
        let folders: Vec<String> = task.programs.iter().map(|folder| folder.display().to_string()).collect();
        readable.extend(folders.iter().cloned().zip(task.programs));
        if !folders.is_empty() {
            env.insert("PATH".into(), format!("{}:{}", folders.join(":"), self.home.host.path));
        }
        env.extend(task.env);
        let mut limits = task.limits;
        limits.pids += OWN_PIDS;
        let folder = self.folder(&task.name, &limits)?;
        let plan = Plan {
            name: task.name,
            owner: Owner::Build,
            command: task.command,
            env,
            app: task.folder,
            app_writable: true,
            user: host::Number::TasksOf(task.function),
            bridge: None,
            caches: task.caches,
            readable,
            opened: Some(task.opened),
            limits,
            cpu_later: false,
            folder,
            stdin: Bytes::new(),
            run: None,
            lines,
            out_of_memory_words: None,
        };
        let (process, _folder) = self.start(plan).await?;
        match timeout(task.timeout, process.handle.wait()).await {
            Ok(exit) => Ok(exit),
            Err(_) => {
                process.handle.kill();
                Ok(Exit { timed_out: true, ..process.handle.wait().await })
            }
        }
    }
}
