#!/usr/bin/env bash
# A real SLURM of one node on this machine, for tests: `one_node.sh up FOLDER`, `one_node.sh down FOLDER`.
# Needs root and Debian's packages (apt-get install slurmctld slurmd slurm-client munge). Keys, state and logs lie in
# FOLDER, ports and daemons are its own, and nothing of an existing SLURM in /etc/slurm is touched. Exit status 3: it
# cannot be had here, and the last line on stderr says why.
set -euo pipefail

readonly action=${1:?up or down} folder=$(realpath -m "${2:?a folder}")
readonly ctld_port=17817 node_port=17818
export SLURM_CONF=$folder/slurm.conf

cannot() {
    echo "$1" >&2
    exit 3
}

configure() {
    local host cpus memory
    host=$(hostname -s)
    cpus=$(nproc --all) # without --all it goes by OMP_NUM_THREADS
    ((cpus > 1)) || cpus=2
    memory=$(awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
    mkdir -p "$folder"/{state,spool,log}
    chmod 755 "$folder"
    dd if=/dev/urandom of="$folder/munge.key" bs=1024 count=1 status=none
    chmod 400 "$folder/munge.key"
    cat >"$SLURM_CONF" <<CONF
ClusterName=onenode
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$ctld_port
SlurmdPort=$node_port
SlurmdParameters=config_overrides
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CryptoType=crypto/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
JobRequeue=1
KillWait=5
MinJobAge=300
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
}

up() {
    local program
    [[ $EUID -eq 0 ]] || cannot "SLURM's daemons need root"
    for program in slurmctld slurmd sbatch munged; do
        command -v "$program" >/dev/null || [[ -x /usr/sbin/$program ]] ||
            cannot "there is no $program: apt-get install slurmctld slurmd slurm-client munge"
    done
    configure
    PATH=$PATH:/usr/sbin
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed"
    slurmctld -c
    slurmd
    for _ in {1..60}; do
        sinfo --noheader --format=%T 2>/dev/null | grep -q '^idle' && exit 0
        sleep 1
    done
    tail -n 20 "$folder"/log/*.log >&2
    down
    cannot "SLURM did not come up within a minute"
}

down() {
    local pid name
    scancel --user=root 2>/dev/null || true
    for _ in {1..60}; do # a step that has no controller left to report its end to would stay
        [[ -z $(squeue --noheader 2>/dev/null) ]] && break
        sleep 0.5
    done
    for name in slurmctld slurmd munged; do
        pid=$(cat "$folder/$name.pid" 2>/dev/null) || continue
        kill "$pid" 2>/dev/null || continue
        for _ in {1..20}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.5
        done
    done
}

case $action in
up) up ;;
down) down ;;
*) cannot "up or down, not $action" ;;
esac
