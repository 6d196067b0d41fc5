package main

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"promdrill.example/volume-agent/volume"
)

func TestWishFor(t *testing.T) {
	class := classThat(true, map[string]string{filesystemKey: "ext4", inodesKey: "3000", mkfsOptionsKey: "-O ^has_journal"})
	for _, check := range []struct {
		name  string
		claim map[string]string
		class *storagev1.StorageClass
		want  volume.Wish
		fails string
	}{
		{"nothing said", nil, nil, volume.Wish{SizeBytes: 1, Filesystem: volume.Auto}, ""},
		{
			"class", nil, class,
			volume.Wish{SizeBytes: 1, Filesystem: volume.Ext4, Inodes: 3000, MkfsOptions: []string{"-O", "^has_journal"}}, "",
		},
		{
			"claim over class", map[string]string{filesystemKey: "xfs", inodesKey: "64", mkfsOptionsKey: "-i size=1024"}, class,
			volume.Wish{SizeBytes: 1, Filesystem: volume.XFS, Inodes: 64, MkfsOptions: []string{"-i", "size=1024"}}, "",
		},
		{"unknown kind", map[string]string{filesystemKey: "btrfs"}, nil, volume.Wish{}, filesystemKey},
		{"no number", map[string]string{inodesKey: "few"}, nil, volume.Wish{}, inodesKey + `: "few" is no number of inodes`},
		{"too few to mount", map[string]string{inodesKey: "63"}, nil, volume.Wish{}, "want 64 to"},
		{"more than there can be", map[string]string{inodesKey: "2147483648"}, nil, volume.Wish{}, "want 64 to"},
		{"option that names a file", map[string]string{mkfsOptionsKey: "-d file,name=/dev/sda"}, nil, volume.Wish{}, "is refused"},
	} {
		t.Run(check.name, func(t *testing.T) {
			claim := claimOfSize("1Gi", "1Gi")
			claim.Annotations = check.claim
			got, err := wishFor(claim, check.class, 1)
			if check.fails != "" {
				if err == nil || !strings.Contains(err.Error(), check.fails) {
					t.Fatalf("got %v, want an error with %q", err, check.fails)
				}
				return
			}
			if len(got.MkfsOptions) == 0 {
				got.MkfsOptions = nil
			}
			if err != nil || !reflect.DeepEqual(got, check.want) {
				t.Fatalf("got %+v, %v, want %+v", got, err, check.want)
			}
		})
	}
}

func TestClaimOf(t *testing.T) {
	if namespace, claim, told := claimOf("pvc-1_drill-a_data-0"); namespace != "drill-a" || claim != "data-0" || !told {
		t.Errorf("got %q, %q, %v", namespace, claim, told)
	}
	for _, name := range []string{"data", "a_b", "a_b_c_d"} {
		if _, _, told := claimOf(name); told {
			t.Errorf("%q is not the provisioner's naming", name)
		}
	}
}

func TestAskReadsClaimAndClass(t *testing.T) {
	fake := &fakeCluster{claim: claimOfSize("1Gi", "1Gi"), class: classThat(true, map[string]string{filesystemKey: "xfs"})}
	claim, wish, err := ask(context.Background(), fake, "pvc-1_drill_data", 7)
	if err != nil || claim.UID != "uid-1" || wish.Filesystem != volume.XFS || wish.SizeBytes != 7 {
		t.Errorf("got %v, %+v, %v", claim.UID, wish, err)
	}
}

func TestAskWithoutClaimUsesDefaults(t *testing.T) {
	claim, wish, err := ask(context.Background(), &fakeCluster{}, "pvc-1_drill_data", 7)
	if err != nil || claim.UID != "" || wish.Filesystem != volume.Auto {
		t.Errorf("got %+v, %+v, %v", claim, wish, err)
	}
}

func TestAskKeepsWrongSettingsApartFromNoAnswer(t *testing.T) {
	claim := claimOfSize("1Gi", "1Gi")
	claim.Annotations = map[string]string{filesystemKey: "btrfs"}
	got, _, err := ask(context.Background(), &fakeCluster{claim: claim}, "pvc-1_drill_data", 7)
	if err == nil || got.UID != "uid-1" {
		t.Errorf("wrong settings: got %v, %v", got.UID, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	unreachable := errors.New("no route")
	if _, _, err := ask(ended, &fakeCluster{fails: unreachable}, "pvc-1_drill_data", 7); !errors.Is(err, unreachable) {
		t.Errorf("no answer: got %v", err)
	}
}

func TestFolderNamesOfOtherProvisionersKeepTheirClaimUnknown(t *testing.T) {
	fake := &fakeCluster{claim: &corev1.PersistentVolumeClaim{}, fails: nil}
	if _, _, err := ask(context.Background(), fake, "by-pattern", 7); err != nil {
		t.Error(err)
	}
	if fake.claimReads != 0 {
		t.Errorf("read %d claims for a name that tells none", fake.claimReads)
	}
}
